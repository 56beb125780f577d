"""What staff do with users."""

from typing import Any

from django import forms

from erebus_app.models import UserReference
from erebus_app.services import users
from nullstore.actor import Actor
from nullstore.admin.rowactions import ReasonForm, RowAction


class DeactivateForm(ReasonForm):
    revoke = forms.BooleanField(
        required=False,
        initial=True,
        label="Revoke all sessions too",
        help_text="Else whoever is logged in stays so until the session expires.",
    )


class Deactivate(RowAction):
    name = "deactivate"
    label = "Deactivate"
    done = "Deactivated"
    question = (
        "The user is soft-deleted: the row stays, here and in agents, and another user may come in with the same "
        "source identifier or e-mail address. It can be undone as long as nobody has."
    )
    form = DeactivateForm
    dangerous = True

    def offered(self, row: UserReference) -> bool:
        return row.is_active

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        revoke = bool(data.get("revoke"))
        revoked = users.deactivate(row_id, actor, revoke=revoke)
        return _revoked(revoked) if revoke else None


class Reactivate(RowAction):
    name = "reactivate"
    label = "Reactivate"
    done = "Reactivated"
    question = "The user is active again. Sessions that were revoked stay so."

    def offered(self, row: UserReference) -> bool:
        return not row.is_active

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> None:
        users.reactivate(row_id, actor)


class RevokeSessions(RowAction):
    name = "revoke_sessions"
    label = "Revoke all sessions"
    done = "Logged out everywhere"
    question = "All active sessions of the user end now; logging in again is possible."
    dangerous = True

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str:
        return _revoked(users.revoke_sessions(row_id, actor))


def _revoked(count: int) -> str:
    return "1 session was revoked." if count == 1 else f"{count:,} sessions were revoked."
