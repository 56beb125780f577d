"""What staff do with the keys of LLM providers. Each is recorded in secret_access_log, in the same transaction."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib.postgres.functions import TransactionNow
from django.db import transaction
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from erebus_app.encrypted import EncryptedSecret
from erebus_app.models import AgentApiKey, SecretAccessLog
from nullstore.actor import Actor
from nullstore.databases import EREBUS
from nullstore.exceptions import ActionRefused, DecryptionError

#: What set_secret() writes.
_SECRET_COLUMNS: Final = [field.name for field in EncryptedSecret._meta.get_fields()]

Action = SecretAccessLog.Action


class RevealedMeanwhile(ActionRefused):
    """The key was revealed after this was asked for: ask again."""


@sensitive_variables()
def add_key(key: AgentApiKey, secret: str, actor: Actor) -> None:
    """Insert `key` with `secret`. Raises ValueError, without the text, if it is no secret."""
    with transaction.atomic(using=EREBUS):
        key.set_secret(secret)
        key.save(force_insert=True)
        _record(key, Action.ADDED, actor)


@sensitive_variables()
def rotate_key(key_id: Any, secret: str, actor: Actor) -> AgentApiKey:
    """Replace the secret of the key and write nothing else of it.

    Raises ValueError as add_key() does; ActionRefused if the key is revoked, has gone, or has this secret already.
    """
    with transaction.atomic(using=EREBUS):
        key = _usable(key_id)
        if _has(key, secret):
            raise ActionRefused("This is the secret that the key has already; get a new one from the provider.")
        key.set_secret(secret)
        key.save(update_fields=_SECRET_COLUMNS)
        _record(key, Action.ROTATED, actor)
    return key


def revoke_key(key_id: Any, actor: Actor) -> AgentApiKey:
    """End the use of the key for good. Raises ActionRefused without a reason, or if it is revoked or has gone."""
    _refuse_without_reason(actor)
    with transaction.atomic(using=EREBUS):
        key = _usable(key_id)
        AgentApiKey.objects.filter(pk=key.pk).update(is_active=False, revoked_at=TransactionNow())
        key.refresh_from_db(fields=["is_active", "revoked_at"])
        _record(key, Action.REVOKED, actor)
    return key


def delete_key(key_id: Any, actor: Actor) -> None:
    """Delete the key, which must be revoked: else raises ActionRefused. What the log says of it stays."""
    with transaction.atomic(using=EREBUS):
        key = _locked(key_id)
        if key.revoked_at is None:
            raise ActionRefused(f"The key of {key} is not revoked. Revoke it first; only then can it be deleted.")
        _record(key, Action.REVOKED, Actor(actor.name, "The key was deleted.", actor.ip_address))
        key.delete()


@sensitive_variables()
def reveal_key(
    key_id: Any, actor: Actor, *, after: int | None = None, along: Callable[[AgentApiKey], object] | None = None
) -> str:
    """Return the secret of the key, once the log has it, committed, that it was revealed.

    `after` is what last_reveal() gave when the secret was asked for: raises RevealedMeanwhile if that has changed, so
    that one question is answered once. `along` writes more in the same transaction. Raises ActionRefused without a
    reason or if the key is revoked or has gone, and DecryptionError; neither is logged as a reveal. Needs to be outside
    of any transaction.
    """
    _refuse_without_reason(actor)
    with transaction.atomic(using=EREBUS, durable=True):
        key = _usable(key_id)
        if after is not None and after != last_reveal(key.pk):
            raise RevealedMeanwhile
        secret = key.reveal()
        _record(key, Action.REVEALED, actor)
        if along is not None:
            along(key)
    return secret


def last_reveal(key_id: Any) -> int:
    """Return the id of the newest entry of the log that says the key was revealed, 0 if there is none."""
    reveals = SecretAccessLog.objects.filter(api_key_id=key_id, action=Action.REVEALED).order_by("-id")
    return reveals.values_list("id", flat=True).first() or 0


def keys_of_agent(name: str) -> QuerySet[AgentApiKey]:
    """Return the keys that agents of this name use, without their ciphertext."""
    return AgentApiKey.objects.defer("secret").filter(agent_name=name).order_by("provider")


def twins_of(key: AgentApiKey) -> QuerySet[AgentApiKey]:
    """Return the other keys that hold the same secret, as far as fingerprints of one master key tell."""
    twins = AgentApiKey.objects.defer("secret").exclude(pk=key.pk).order_by("agent_name", "provider")
    return twins.filter(key_fingerprint=key.key_fingerprint) if key.key_fingerprint else twins.none()


def _locked(key_id: Any) -> AgentApiKey:
    key = AgentApiKey.objects.using(EREBUS).select_for_update(no_key=True).filter(pk=key_id).first()
    if key is None:
        raise ActionRefused("This key has been deleted.")
    return key


def _usable(key_id: Any) -> AgentApiKey:
    key = _locked(key_id)
    if key.revoked_at is not None:
        raise ActionRefused(
            f"It was revoked on {key.revoked_at:%Y-%m-%d %H:%M %Z}, and a revoked key stays as it is. "
            "If the agent is to have one again, delete this key and add a new one."
        )
    return key


@sensitive_variables()
def _has(key: AgentApiKey, secret: str) -> bool:
    try:
        return key.reveal() == secret.strip()
    except DecryptionError:
        # Entering the same secret anew mends it.
        return False


def _refuse_without_reason(actor: Actor) -> None:
    if not actor.reason.strip():
        raise ActionRefused("This needs a reason, which the log keeps.")


def _record(key: AgentApiKey, action: SecretAccessLog.Action, actor: Actor) -> None:
    SecretAccessLog.objects.create(
        api_key_id=key.pk,
        agent_name=key.agent_name,
        provider=key.provider,
        action=action,
        actor=actor.name,
        reason=actor.reason or None,
        ip_address=actor.ip_address,
    )
