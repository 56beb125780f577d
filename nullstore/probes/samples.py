"""From what was seen to samples: the metric's name, the values of its labels, a number."""

from collections.abc import Iterator
from typing import Final

from nullstore.databases import EREBUS
from nullstore.probes.snapshot import Snapshot
from nullstore.replication.catalog import SlotState
from nullstore.replication.health import Health, Verdict, verdict_of
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.tasks import UNSEEN as TASKS_UNSEEN

Sample = tuple[str, tuple[str, ...], float]

WAL_STATUS: Final = ("reserved", "extended", "unreserved", "lost")
#: Of pg_subscription_rel.srsubstate, in words.
TABLE_STATES: Final = {"i": "init", "d": "data_copy", "f": "finished_copy", "s": "synced", "r": "ready"}
_ERRORS_UNSEEN: Final = "counters of errors"


def samples(seen: Snapshot) -> Iterator[Sample]:
    """Yield what there is to say. What could not be read is left out; nullstore_readable names it."""
    for alias, reached in seen.reached.items():
        yield "pg_up", (alias,), reached.up
    yield "nullstore_scrape_duration_seconds", (), seen.seconds
    if seen.look is None:
        for part in ("publisher", "subscriber", "lag", "errors", "tasks"):
            yield "nullstore_readable", (part,), 0
        return
    yield "nullstore_replication_look_timestamp_seconds", (), seen.look.at.timestamp()
    yield from _health(seen.look.health)


def _health(health: Health) -> Iterator[Sample]:
    yield "nullstore_replication_look_duration_seconds", (), health.seconds
    for verdict in Verdict:
        yield "nullstore_replication_verdict", (verdict,), verdict is health.verdict
    for code in dict.fromkeys(problem.code for problem in health.problems):
        problem = next(each for each in health.problems if each.code == code)
        yield "nullstore_replication_problem", (code, verdict_of(problem)), 1
    yield "nullstore_replication_unseen", (), len(health.unseen)
    yield from _lag(health)
    yield from _publisher(health)
    yield from _subscriber(health)
    yield from _tasks(health)


def _lag(health: Health) -> Iterator[Sample]:
    yield "nullstore_readable", ("lag",), health.lag_bytes is not None and health.lag_seconds is not None
    yield "nullstore_replication_arrived", (), not health.lag_is_at_least
    if health.lag_bytes is not None:
        yield "nullstore_replication_lag_bytes", (), health.lag_bytes
    if health.lag_seconds is not None:
        yield "nullstore_replication_lag_seconds", (), health.lag_seconds


def _publisher(health: Health) -> Iterator[Sample]:
    found = health.publisher
    yield "nullstore_readable", ("publisher",), isinstance(found, PublisherFacts)
    if not isinstance(found, PublisherFacts):
        return
    database = found.place.rpartition("/")[2]
    for slot in found.slots:
        yield from _slot(slot, database)
        if isinstance(health.subscriber, SubscriberFacts):
            yield "nullstore_replication_slot_followed", (slot.name,), slot.name in health.subscriber.followed_slots


def _slot(slot: SlotState, database: str) -> Iterator[Sample]:
    labels = (EREBUS, slot.name, "logical")
    yield "pg_replication_slot_slot_is_active", labels, slot.active_pid is not None
    if slot.status is not None:
        for status in WAL_STATUS:
            yield "pg_replication_slot_wal_status", (*labels, status), status == slot.status
    if slot.safe is not None:
        yield "pg_replication_slot_safe_wal_size_bytes", labels, slot.safe
    if slot.retained is not None:
        yield "pg_replication_slots_pg_wal_lsn_diff", (EREBUS, slot.name, database), slot.retained


def _subscriber(health: Health) -> Iterator[Sample]:
    found = health.subscriber
    yield "nullstore_readable", ("subscriber",), isinstance(found, SubscriberFacts)
    if not isinstance(found, SubscriberFacts):
        yield "nullstore_readable", ("errors",), 0
        return
    yield "nullstore_subscription_enabled", (), found.subscription is not None and found.subscription.enabled
    yield "nullstore_subscription_worker_running", (), found.worker is not None
    for table, state in found.tables.items():
        for short, name in TABLE_STATES.items():
            yield "nullstore_replication_table_state", (table, name), short == state
    yield from _errors(health, found)


def _errors(health: Health, found: SubscriberFacts) -> Iterator[Sample]:
    readable = found.subscription is not None and all(each.what != _ERRORS_UNSEEN for each in health.unseen)
    yield "nullstore_readable", ("errors",), readable
    if readable:
        yield "nullstore_replication_apply_errors_total", (), found.errors.apply
        yield "nullstore_replication_sync_errors_total", (), found.errors.sync
        for name, count in found.errors.conflicts.items():
            yield "nullstore_replication_conflicts_total", (name,), count


def _tasks(health: Health) -> Iterator[Sample]:
    counted = health.orphaned_tasks is not None and isinstance(health.subscriber, SubscriberFacts)
    counted = counted and all(each.what != TASKS_UNSEEN for each in health.unseen)
    yield "nullstore_readable", ("tasks",), counted
    if counted and health.orphaned_tasks is not None:
        yield "nullstore_orphaned_tasks", (), health.orphaned_tasks
