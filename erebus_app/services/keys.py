"""What staff do with the keys of LLM providers. Each is recorded in secret_access_log, in the same transaction."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from erebus_app.encrypted import EncryptedSecret
from erebus_app.models import AgentApiKey, SecretAccessLog
from nullstore.databases import EREBUS

#: What set_secret() writes.
_SECRET_COLUMNS: Final = [field.name for field in EncryptedSecret._meta.get_fields()]


@dataclass(frozen=True, slots=True)
class Access:
    """Who does something with a key, from where and why."""

    actor: str
    ip_address: str | None = None
    reason: str | None = None


@sensitive_variables("secret")
def add_key(key: AgentApiKey, secret: str, access: Access) -> None:
    """Insert `key` with `secret`. Raises ValueError, without the text, if it is no secret."""
    with transaction.atomic(using=EREBUS):
        key.set_secret(secret)
        key.save(force_insert=True)
        _record(key, SecretAccessLog.Action.ADDED, access)


@sensitive_variables("secret")
def rotate_key(key: AgentApiKey, secret: str, access: Access) -> None:
    """Replace the secret of `key` and write nothing else of it. Raises ValueError as add_key() does."""
    with transaction.atomic(using=EREBUS):
        key.set_secret(secret)
        key.save(update_fields=_SECRET_COLUMNS)
        _record(key, SecretAccessLog.Action.ROTATED, access)


def _record(key: AgentApiKey, action: SecretAccessLog.Action, access: Access) -> None:
    SecretAccessLog.objects.create(
        api_key_id=key.pk,
        agent_name=key.agent_name,
        provider=key.provider,
        action=action,
        actor=access.actor,
        reason=access.reason,
        ip_address=access.ip_address,
    )
