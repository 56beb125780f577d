"""A subscription that goes on where it was, on the server that the settings name now: after a failover, or a move."""

from dataclasses import dataclass

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.exceptions import NullstoreError, ReplicationError
from nullstore.replication import catalog
from nullstore.replication.catalog.timeline import Timeline, in_recovery, timeline
from nullstore.replication.connect import connect
from nullstore.replication.conninfo import without_secrets
from nullstore.replication.declared import declared
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.lock import alone
from nullstore.replication.specs import SubscriptionSpec
from nullstore.replication.subscriptions import connect_as_declared, connects_as_declared, why_not_whole


@dataclass(frozen=True, slots=True)
class Reconnection:
    """Where the subscription connects to, by which slot, from which byte of the WAL on, and whether that is new.

    `unchecked` says why it could not be seen that the server has all that was applied; "" = it has, or nothing changes.
    """

    place: str
    slot: str
    position: int | None
    changes: bool
    enabled: bool
    unchecked: str


def plan(*, unchecked: bool = False) -> Reconnection:
    """Return what reconnect() would do; changes nothing. Raises ReplicationError where changes would be lost.

    And where that cannot be seen, unless `unchecked`.
    """
    subscriber = connections[USER_SYNC.subscriber]
    spec, found = _subscription(subscriber)
    _refuse_standby()
    if reason := why_not_whole(subscriber, spec, found):
        raise ReplicationError(_cannot_go_on(found, reason))
    changes = _connects_elsewhere(subscriber, spec, found)
    position = _applied(subscriber, found)
    unseen = _unseen_history(found, position) if changes else ""
    if unseen and not unchecked:
        raise ReplicationError(_cannot_tell(found, unseen))
    return Reconnection(
        place="{host}:{port}".format(**conf.replication_source()),
        slot=str(found.slot_name),
        position=position,
        changes=changes,
        enabled=found.enabled,
        unchecked=unseen,
    )


def reconnect(timeout: float = 30.0, *, unchecked: bool = False) -> Reconnection:
    """Put the connection string that the settings make into the subscription, and wait until the replica follows.

    Slot and position stay: nothing is copied, lost or applied twice. `timeout` is in seconds; a subscription that is
    disabled is not waited for. Raises ReplicationError as plan() does, and ReplicationTimeout.
    """
    subscriber = connections[USER_SYNC.subscriber]
    with alone(USER_SYNC.subscriber, USER_SYNC.subscription):
        planned = plan(unchecked=unchecked)
        if planned.changes:
            connect_as_declared(subscriber, _subscription(subscriber)[0])
    if planned.enabled:
        wait_until_replicated(timeout)
    return planned


def _subscription(subscriber: BaseDatabaseWrapper) -> tuple[SubscriptionSpec, catalog.Subscription]:
    spec = declared().subscription
    found = catalog.subscription(subscriber, USER_SYNC.subscription)
    if spec is None or found is None:
        raise ReplicationError(
            f"The database {USER_SYNC.subscriber} has no subscription {USER_SYNC.subscription}. "
            "Run: manage.py replication resync"
        )
    return spec, found


def _refuse_standby() -> None:
    with connect(USER_SYNC.publisher) as publisher:
        if in_recovery(publisher):
            place = "{HOST}:{PORT}".format(**connections[USER_SYNC.publisher].settings_dict)
            raise ReplicationError(
                f"{USER_SYNC.publisher} at {place} is a standby that has not been promoted. If the primary is gone for "
                f"good, on that server: SELECT pg_promote(); else correct EREBUS_DATABASE_URL. Then run the same again."
            )


def _applied(subscriber: BaseDatabaseWrapper, found: catalog.Subscription) -> int | None:
    return catalog.origin_position(subscriber, found.oid) if catalog.may_ask_progress(subscriber) else None


def _connects_elsewhere(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, found: catalog.Subscription) -> bool:
    """Tell whether the subscription has another connection string, or one that we may not read and does not follow."""
    if catalog.subscription_conninfo(subscriber, found.oid) is not None:
        return not connects_as_declared(subscriber, spec, found)
    with connect(USER_SYNC.publisher) as publisher:
        slot = catalog.slot(publisher, str(found.slot_name))
    return slot is None or slot.active_pid is None


def _unseen_history(found: catalog.Subscription, position: int | None) -> str:
    """Return why it cannot be seen whether the server has all that was applied; "" if it has.

    Raises ReplicationError for a server that was promoted before it had that. Its WAL may be longer by now; what it
    wrote first would be passed over without a word.
    """
    publisher = USER_SYNC.publisher
    try:
        begun = _timeline().begins
    except (psycopg.Error, NullstoreError) as error:
        return f"{publisher} does not say when it was promoted ({without_secrets(str(error).strip())})"
    if begun is None:
        return ""
    if position is None:
        return (
            f"{publisher} was promoted, and how far the subscription has applied is not for this role to ask (a "
            "superuser of agents grants EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean))"
        )
    if position > begun:
        reason = f"it has applied up to byte {position:,} of the WAL of the server before, and {publisher} was "
        raise ReplicationError(_cannot_go_on(found, f"{reason}promoted when it had {begun:,}"))
    return ""


def _timeline() -> Timeline:
    """Ask as who we are and, as that needs the right to replicate, as the role with which the subscription logs in."""
    replicator = {"user": conf.replication_role(), "password": conf.replication_password()}
    try:
        return _timeline_as({})
    except (psycopg.Error, NullstoreError):
        return _timeline_as(replicator)


def _timeline_as(login: dict[str, str]) -> Timeline:
    with connect(USER_SYNC.publisher, replication="database", **login) as walsender:
        return timeline(walsender)


def _cannot_tell(found: catalog.Subscription, reason: str) -> str:
    return (
        f"Whether the subscription {found.name} can just go on cannot be seen: {reason}. Run as a role that may, or "
        "with --unchecked if you know that the server has everything that agents has; else: "
        "manage.py replication resync --anew"
    )


def _cannot_go_on(found: catalog.Subscription, reason: str) -> str:
    return f"The subscription {found.name} cannot just go on: {reason}. Run: manage.py replication resync"
