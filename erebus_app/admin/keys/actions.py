"""What can be done to a key beside editing it."""

from typing import Any

from django.views.decorators.debug import sensitive_variables

from erebus_app.admin.keys.forms import RevealForm, RotateForm
from erebus_app.models import AgentApiKey
from erebus_app.services.keys import revoke_key, rotate_key, twins_of
from nullstore.actor import Actor
from nullstore.admin.rowactions import RequiredReason, RowAction


class _OfUsableKey(RowAction):
    def offered(self, row: AgentApiKey) -> bool:
        return row.revoked_at is None


class Rotate(_OfUsableKey):
    name = "rotate"
    label = "Rotate"
    done = "Rotated"
    question = (
        "Replaces the stored secret with a new one of the provider. Services take it from their next look at the key "
        "on; withdraw the old one at the provider after that."
    )
    form = RotateForm
    bulk = False

    @sensitive_variables()
    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        return shared_with(rotate_key(row_id, data["new_secret"], actor))


class Revoke(_OfUsableKey):
    name = "revoke"
    label = "Revoke"
    done = "Revoked"
    question = (
        "Ends the use of the key here, for good: it cannot be rotated, revealed or made active again. "
        "It stays valid at the provider until it is withdrawn there."
    )
    form = RequiredReason
    dangerous = True

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        revoke_key(row_id, actor)
        return None


class Reveal(_OfUsableKey):
    """The button and the permission. What happens is in erebus_app.admin.keys.reveal: it has something to show."""

    name = "reveal"
    label = "Reveal"
    done = "Revealed"
    question = "Shows the secret once. Who looked, why, when and from where is recorded first, and cannot be removed."
    form = RevealForm
    permission = "erebus_app.reveal_agentapikey"
    bulk = False


def shared_with(key: AgentApiKey) -> str | None:
    """Return a sentence that names the other keys with the same secret; None if there is none."""
    twins = ", ".join(str(twin) for twin in twins_of(key)[:5])
    return f"The same secret is stored for {twins}: each agent should have one of its own." if twins else None
