"""What staff can do to engrams."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html

from agents_app.engrams.trail import LARGEST
from agents_app.models import Engram
from agents_app.services import engrams
from nullstore.actor import Actor
from nullstore.admin.rowactions import ReasonForm, RequiredReason, RowAction
from nullstore.admin.show import row_link


class Publish(RowAction):
    name = "publish"
    label = "Publish"
    done = "Published"
    question = "Everybody can read a public engram, and fork it."

    def offered(self, row: Any) -> bool:
        return not row.is_public

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        engrams.publish(row_id, actor)
        return None


class Unpublish(RowAction):
    name = "unpublish"
    label = "Unpublish"
    done = "Made private"
    question = "Only its wallet can read a private engram. Forks that others have made stay."

    def offered(self, row: Any) -> bool:
        return bool(row.is_public)

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        engrams.unpublish(row_id, actor)
        return None


class SeenVersion(forms.Form):
    """Carries the version that was current when the person was asked."""

    seen = forms.IntegerField(required=False, min_value=1, max_value=LARGEST, widget=forms.HiddenInput)


class RevertForm(SeenVersion, RequiredReason):
    version = forms.IntegerField(
        min_value=1, max_value=LARGEST, help_text="The version whose content, summary and tags are to be current again."
    )
    field_order = ("version", "reason")


class Revert(RowAction):
    name = "revert"
    label = "Revert to a version"
    done = "Reverted"
    question = "What the version said becomes a new version: nothing that came after it is lost."
    form = RevertForm
    bulk = False

    def offered(self, row: Any) -> bool:
        return bool(row.version > 1)

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"version": request.GET.get("version", ""), "seen": row.version if row else None}

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        return f"It is version {engrams.revert(row_id, data['version'], actor, seen=data.get('seen')).version} now."


class ForkForm(SeenVersion, ReasonForm):
    wallet = forms.CharField(
        max_length=Engram._meta.get_field("wallet_address").max_length,
        help_text="The address of the wallet that gets the copy.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    key = forms.CharField(
        max_length=Engram._meta.get_field("key").max_length,
        required=False,
        help_text="Leave it empty for the same key.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    field_order = ("wallet", "key", "reason")


class Fork(RowAction):
    name = "fork"
    label = "Fork to a wallet"
    done = "Forked"
    question = "The wallet gets a private copy of the current version, with versions of its own from then on."
    form = ForkForm
    permission = "add"
    bulk = False

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"key": row.key, "seen": row.version} if row else {}

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        copy = engrams.fork(row_id, data["wallet"], data["key"], actor, seen=data.get("seen"))
        return format_html("The copy: {}.", row_link("agents_app.Engram", copy.pk, copy))
