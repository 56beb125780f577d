"""Tells the database which member of staff writes, and why."""

from ipaddress import ip_address
from typing import Any

from django.contrib import admin
from django.db import models, router
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from nullstore import conf
from nullstore.actor import Actor, set_actor


def actor_of(request: HttpRequest, reason: str = "") -> Actor:
    """Return the member of staff who sends `request`."""
    return Actor(request.user.get_username(), reason, address_of(request))


def address_of(request: HttpRequest) -> str | None:
    """Return the address that the proxy names, if there is to be one and it does, else that of who is connected."""
    # A proxy adds what it sees itself at the end; what stands before that the browser may have sent.
    told = request.headers.get(conf.client_address_header(), "").rpartition(",")[2].strip()
    return told if _is_address(told) else request.META.get("REMOTE_ADDR") or None


def _is_address(text: str) -> bool:
    try:
        # PostgreSQL takes none with the name of a network interface.
        return not getattr(ip_address(text), "scope_id", None)
    except ValueError:
        return False


class ActorMixin(admin.ModelAdmin):
    """Names the member of staff in the transaction of every add, change and delete.

    A form with a field `reason` gives the reason too.
    """

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        self._set_actor(request, form.cleaned_data.get("reason", ""))
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self._set_actor(request)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._set_actor(request)
        super().delete_queryset(request, queryset)

    def _set_actor(self, request: HttpRequest, reason: str = "") -> None:
        set_actor(actor_of(request, reason), using=router.db_for_write(self.model))
