"""What happens between two looks: does the fence arrive, who holds it up, do errors grow, do workers come and go?"""

import time
from dataclasses import dataclass, field, replace

import psycopg

from nullstore.databases import USER_SYNC
from nullstore.replication import catalog
from nullstore.replication.catalog import ErrorCounts
from nullstore.replication.conninfo import subscription_conninfo, without_secrets
from nullstore.replication.health.ends import CONNECT, End
from nullstore.replication.health.facts import Facts, PublisherFacts, SubscriberFacts, Watched
from nullstore.replication.health.look import applied_position
from nullstore.replication.health.verdict import Unseen
from nullstore.replication.position import committed_position

#: The longest interval between two looks, in seconds; a worker that fails is started again after 5 s by default.
LONGEST = 6.5
#: A server counts conflicts at most this late, in seconds, while it is busy.
_COUNTED = 1.2


@dataclass
class _Seen:
    """Which apply workers there were, one after the other, and which processes that copy, at any time."""

    pids: list[int | None] = field(default_factory=list)
    copiers: set[frozenset[int]] = field(default_factory=set)

    def note(self, workers: tuple[catalog.Worker, ...]) -> None:
        pid = next((worker.pid for worker in workers if worker.table is None), None)
        if not self.pids or self.pids[-1] != pid:
            self.pids.append(pid)
        self.copiers.add(frozenset(worker.pid for worker in workers if worker.table is not None))

    def steady(self, *, copying: bool) -> bool:
        """Tell whether looking longer would show nothing: the same processes at work all the time."""
        copies = len(self.copiers) == 1 and frozenset() not in self.copiers
        return len(self.pids) == 1 and self.pids[0] is not None and (copies or not copying)


def watch(publisher: End, subscriber: End, facts: Facts, timeout: float, *, alone: bool) -> Watched:
    """Wait until what the publisher has now is applied, at most `timeout` seconds.

    If it does not come and no worker is seen at work all the time, look on for as long as the server takes to start a
    worker again: without another problem (`alone`), that tells one that is late from one that fails again and again.
    """
    assert isinstance(facts.subscriber, SubscriberFacts)
    assert facts.subscriber.subscription is not None
    ours, before = facts.subscriber.subscription, facts.subscriber.errors
    position = committed_position(publisher.connection)
    started, pause, seen = time.monotonic(), 0.0005, _Seen()
    limit = timeout
    while not (arrived := _arrived(publisher, subscriber, ours, position, seen)):
        waited = time.monotonic() - started
        if waited > limit:
            longer = min(1.2 * facts.subscriber.limits.retry_interval + 1.0, LONGEST)
            steady = seen.steady(copying=_copying(subscriber, ours))
            if steady or not alone or limit >= longer or _fails(subscriber, ours, before):
                break
            limit = longer
        time.sleep(pause)
        # Short enough to see a worker that lives for some 15 ms.
        pause = min(pause * 1.5, 0.05 if seen.steady(copying=False) else 0.008)
    waited = time.monotonic() - started
    if arrived:
        return Watched(
            waited, arrived=waited, pids=tuple(seen.pids), grown=_conflicts(subscriber, ours, facts, started)
        )
    return Watched(
        waited,
        pids=tuple(seen.pids),
        reader=_reader(publisher, ours, facts),
        grown=catalog.error_counts(subscriber.connection, ours.oid).grown_since(before),
        blockers=_blockers(subscriber, ours.oid),
        standing=max(waited, standing(publisher, subscriber, facts) or 0.0),
    )


def standing(publisher: End | None, subscriber: End | None, facts: Facts) -> float | None:
    """Return for how many seconds at least apply has not moved, from what the servers remember; None if from nothing.

    The sources: when a worker took in its last message; since when the slot has no reader (17); the age of the first
    segment of WAL that is not applied; the age of the slot's state on disk.
    """
    ages: list[float | None] = []
    ours = facts.subscriber if isinstance(facts.subscriber, SubscriberFacts) else None
    if subscriber and ours and ours.subscription:
        main = (w for w in catalog.workers(subscriber.connection, ours.subscription.oid) if w.table is None)
        ages += [worker.idle for worker in main]
    if publisher and isinstance(facts.publisher, PublisherFacts):
        name = (ours.subscription.slot_name if ours.subscription else None) if ours else None
        slots = [facts.publisher.slot(name)] if ours else _named_like_ours(facts.publisher)
        for slot in slots:
            if slot is not None:
                ages += _ages(publisher, slot)
    return max((age for age in ages if age is not None), default=None)


def _named_like_ours(found: PublisherFacts) -> list[catalog.SlotState | None]:
    like = [slot for slot in found.slots if slot.name.startswith(f"{USER_SYNC.subscription}_")]
    return list(like) if len(like) == 1 else []


def _ages(publisher: End, slot: catalog.SlotState) -> list[float | None]:
    if slot.active_pid is not None:
        return [_wal_age(publisher, slot)]
    on_disk = publisher.ask(
        "since when the slot stands still, from its file",
        lambda connection: catalog.slot_file_age(connection, slot.name),
        None,
        f"{publisher.alias}: GRANT pg_monitor TO {publisher.role}",
    )
    return [slot.inactive_seconds, on_disk, _wal_age(publisher, slot)]


def _wal_age(publisher: End, slot: catalog.SlotState) -> float | None:
    position = slot.position
    if position is None or slot.status == "lost":
        return None
    return publisher.ask(
        "the age of the WAL that is not applied",
        lambda connection: catalog.wal_age(connection, position),
        None,
        f"{publisher.alias}: GRANT pg_monitor TO {publisher.role}",
    )


def refusal(publisher: End) -> str | None:
    """Log in to the publisher as the replication role does; return what its server says if it refuses."""
    try:
        psycopg.connect(
            subscription_conninfo(USER_SYNC.publisher),
            connect_timeout=CONNECT,
            application_name="nullstore status",
            replication="database",
        ).close()
    except psycopg.OperationalError as error:
        said = without_secrets(" ".join(str(error).split()))
        if "FATAL" in said:
            return said
        publisher.unseen.append(Unseen("whether the replication role can log in", said, ""))
    return None


def with_refusal(watched: Watched, publisher: End) -> Watched:
    """Add whether the replication role is refused, where no worker was at work all the time."""
    at_work = len(watched.pids) == 1 and watched.pids[0] is not None
    if watched.arrived is not None or at_work:
        return watched
    return replace(watched, refused=refusal(publisher))


def _arrived(publisher: End, subscriber: End, ours: catalog.Subscription, position: int, seen: _Seen) -> bool:
    workers = catalog.workers(subscriber.connection, ours.oid)
    seen.note(workers)
    connected = any(worker.table is None and worker.reported is not None for worker in workers)
    applied = applied_position(subscriber, ours.oid, workers) or 0
    if applied < position and not subscriber.may_ask_progress:
        applied = _confirmed(publisher, ours.slot_name) or 0
    # Where nothing was written all is applied, even by a worker that is about to fail: it must have had a message, and
    # the first that a publisher sends is the one after which a position is reported.
    return connected and applied >= position and not _copying(subscriber, ours)


def _copying(subscriber: End, ours: catalog.Subscription) -> bool:
    """Tell whether a table is not ready. A subscription without any has nothing."""
    states = catalog.table_states(subscriber.connection, ours.oid).values()
    return not states or any(state != "r" for state in states)


def _confirmed(publisher: End, name: str | None) -> int | None:
    """The slot's position is right, and some 0.2 s late: for a role that may not ask the subscriber."""
    slot = _slot(publisher, name)
    return slot.position if slot else None


def _slot(publisher: End, name: str | None) -> catalog.SlotState | None:
    states = catalog.slot_states(publisher.connection, USER_SYNC.publication)
    return next((slot for slot in states if slot.name == name), None)


def _fails(subscriber: End, ours: catalog.Subscription, before: ErrorCounts) -> bool:
    grown = catalog.error_counts(subscriber.connection, ours.oid).grown_since(before)
    return grown.apply > 0 or grown.sync > 0


def _conflicts(subscriber: End, ours: catalog.Subscription, facts: Facts, started: float) -> ErrorCounts:
    """Look at the counters again; where there have been conflicts before, late enough for new ones to be counted."""
    assert isinstance(facts.subscriber, SubscriberFacts)
    before = facts.subscriber.errors
    if any(before.conflicts.values()):
        time.sleep(max(0.0, started + _COUNTED - time.monotonic()))
    return catalog.error_counts(subscriber.connection, ours.oid).grown_since(before)


def _reader(publisher: End, ours: catalog.Subscription, facts: Facts) -> int | None:
    assert isinstance(facts.publisher, PublisherFacts)
    first, last = facts.publisher.slot(ours.slot_name), _slot(publisher, ours.slot_name)
    return last.active_pid if first and last and first.active_pid == last.active_pid else None


def _blockers(subscriber: End, oid: int) -> tuple[catalog.Session, ...]:
    pids = [worker.pid for worker in catalog.workers(subscriber.connection, oid)]
    return subscriber.ask("who blocks the workers", lambda connection: catalog.blockers(connection, pids), ())
