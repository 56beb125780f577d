"""What staff can do to engrams. Each is one transaction, recorded in ops_actions; the trail is written by triggers."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.db import connections, transaction

from agents_app.models import Engram, EngramHistory
from agents_app.services.ops import record
from nullstore.actor import Actor, set_actor
from nullstore.databases import AGENTS
from nullstore.exceptions import ActionRefused

# In SQL, so that a document is copied to the last digit, however deeply it is nested.
_REVERT: Final = """
    UPDATE engrams SET content = past.content, summary = past.summary, tags = past.tags
    FROM engram_history AS past
    WHERE engrams.id = %(id)s AND past.engram_id = engrams.id AND past.version = %(version)s
        AND (engrams.content, engrams.summary, engrams.tags)
            IS DISTINCT FROM (past.content, past.summary, past.tags)
    RETURNING engrams.id
"""
_FORK: Final = """
    INSERT INTO engrams (wallet_address, key, parent_id, created_by,
                         engram_type, tags, content, summary, royalty_percent, priority, ttl_seconds)
    SELECT %(wallet)s, %(key)s, id, %(created_by)s,
           engram_type, tags, content, summary, royalty_percent, priority, ttl_seconds
    FROM engrams WHERE id = %(id)s
    ON CONFLICT (wallet_address, key) DO NOTHING
    RETURNING id
"""


def revert(engram_id: UUID, version: int, actor: Actor, *, seen: int | None = None) -> Engram:
    """Have the engram say again what `version` said: content, summary and tags, as a new version.

    `seen` is the version that was current when this was decided, if known. Raises ActionRefused without a reason, for
    a version that is not in the history, if nothing would change, and if another version is current by now.
    """
    if not actor.reason.strip():
        raise ActionRefused("Say why the engram is reverted: the reason is kept with the version.")
    with transaction.atomic(using=AGENTS):
        engram = _locked(engram_id)
        _refuse_unless_seen(engram, seen)
        if version == engram.version:
            raise ActionRefused(f"Version {version} is the current one already.")
        if not EngramHistory.objects.filter(engram_id=engram_id, version=version).exists():
            raise ActionRefused(f"There is no version {version}: choose one from 1 to {engram.version - 1}.")
        set_actor(replace(actor, reason=f"Reverted to version {version}: {actor.reason}"), using=AGENTS)
        if _returned(_REVERT, id=engram_id, version=version) is None:
            raise ActionRefused(f"Version {version} says what the current one, {engram.version}, says.")
        record(actor, "revert", engram, {"to_version": version, "from_version": engram.version})
    return Engram.objects.defer("content").get(pk=engram_id)


def publish(engram_id: UUID, actor: Actor) -> Engram:
    """Make the engram public. Raises ActionRefused if it is."""
    return _set_public(engram_id, actor, public=True)


def unpublish(engram_id: UUID, actor: Actor) -> Engram:
    """Make the engram private. Raises ActionRefused if it is."""
    return _set_public(engram_id, actor, public=False)


def _set_public(engram_id: UUID, actor: Actor, *, public: bool) -> Engram:
    with transaction.atomic(using=AGENTS):
        engram = _locked(engram_id)
        if engram.is_public == public:
            raise ActionRefused(f"It is {'public' if public else 'private'} already.")
        record(actor, "publish" if public else "unpublish", engram)
        engram.is_public = public
        engram.save(update_fields=["is_public"])
    return engram


def fork(engram_id: UUID, wallet: str, key: str, actor: Actor, *, seen: int | None = None) -> Engram:
    """Give `wallet` a private copy of the engram's current version, under `key` ("" = the same); return the copy.

    It is recorded with both. Raises ActionRefused if the wallet has an engram with this key, or if the current version
    is not `seen`, the one for which this was decided, if that is known.
    """
    with transaction.atomic(using=AGENTS):
        engram = _locked(engram_id)
        _refuse_unless_seen(engram, seen)
        key = key or engram.key
        set_actor(actor, using=AGENTS)
        created_by = actor.name[: Engram._meta.get_field("created_by").max_length]
        made = _returned(_FORK, id=engram_id, wallet=wallet, key=key, created_by=created_by)
        if made is None:
            raise ActionRefused(f"The wallet {wallet} has an engram with the key {key} already; choose another key.")
        copy = Engram.objects.defer("content").get(pk=made)
        record(actor, "fork", engram, {"to": str(copy.pk), "wallet": wallet, "key": key, "version": engram.version})
        record(actor, "forked from", copy, {"from": str(engram.pk), "version": engram.version})
    return copy


def _locked(engram_id: UUID) -> Engram:
    """Return the engram, which nobody else changes until the transaction ends; its content stays in the database."""
    engram = Engram.objects.select_for_update(no_key=True).defer("content").filter(pk=engram_id).first()
    if engram is None:
        raise ActionRefused("The engram is not there any more; its trail is in the history.")
    return engram


def _refuse_unless_seen(engram: Engram, seen: int | None) -> None:
    if seen is None or seen == engram.version:
        return
    replaced = EngramHistory.objects.only("changed_by").filter(engram_id=engram.pk, version=engram.version - 1).first()
    by = (replaced and replaced.changed_by) or "a service, or with SQL"
    raise ActionRefused(
        f"It was version {seen} when you were asked, and is version {engram.version} now, written by {by}. See what "
        "it says, then decide again."
    )


def _returned(statement: str, **params: Any) -> Any:
    """Return the id that the statement returns, None if it wrote nothing."""
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(statement, params)
        row = cursor.fetchone()
    return row[0] if row else None
