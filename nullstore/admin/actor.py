"""Tells the triggers of the database who writes, and why."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import connections, models, router
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError
from django.forms import ModelForm
from django.http import HttpRequest

_SET = "SELECT set_config('nullstore.actor', %s, true), set_config('nullstore.reason', %s, true)"


def set_actor(actor: str, *, reason: str = "", using: str) -> None:
    """Set nullstore.actor and nullstore.reason for the open transaction of `using`; "" stands for unknown.

    Raises TransactionManagementError outside of one, where the settings would be gone with the statement.
    """
    if not connections[using].in_atomic_block:
        raise TransactionManagementError(f"There is no open transaction on {using} whose actor could be set.")
    with connections[using].cursor() as cursor:
        cursor.execute(_SET, [actor, reason])


def name_of(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return the name under which what `user` does is recorded."""
    return user.get_username()


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
        set_actor(name_of(request.user), reason=reason, using=router.db_for_write(self.model))
