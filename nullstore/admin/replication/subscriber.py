"""What the page shows of the end that follows."""

from collections.abc import Iterator
from typing import Final

from nullstore.admin.replication.publisher import server
from nullstore.admin.replication.words import Fact, Group, seconds
from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import ErrorCounts, Subscription
from nullstore.replication.health.facts import SubscriberFacts
from nullstore.replication.options import clause

#: pg_subscription_rel.srsubstate in words.
_STATES: Final = {
    "i": ("initializing: waits for its copy", "busy"),
    "d": ("copying data", "busy"),
    "f": ("copied: the copy is finished", "busy"),
    "s": ("synchronized: catches up after its copy", "busy"),
    "r": ("ready", "good"),
}
_COUNTS_CONFLICTS: Final = 18


def groups(subscriber: SubscriberFacts) -> Iterator[Group]:
    """Yield the server, the subscription with its tables, its processes and its errors."""
    yield Group("Server", server(subscriber))
    yield Group(f"Subscription {USER_SYNC.subscription}", list(_subscription(subscriber)))
    if subscriber.subscription is None:
        return
    yield Group("Tables", list(_tables(subscriber)))
    yield Group("Workers", list(_workers(subscriber, subscriber.subscription)))
    yield Group("Errors since the statistics were reset", list(_errors(subscriber.errors, subscriber.server_version)))


def _subscription(subscriber: SubscriberFacts) -> Iterator[Fact]:
    ours = subscriber.subscription
    if ours is None:
        yield Fact("state", "is not there", "bad")
        return
    yield Fact("state", *(("enabled", "good") if ours.enabled else ("disabled: nothing is applied", "bad")))
    if subscriber.differences:
        yield Fact("declaration", "not as declared", "bad", subscriber.differences)
    yield Fact("owner", ours.owner)
    yield Fact("follows the publication", ", ".join(ours.publications))
    yield Fact("follows the slot", ours.slot_name or "none")
    if subscriber.options:
        yield Fact("options", clause(subscriber.options))


def _tables(subscriber: SubscriberFacts) -> Iterator[Fact]:
    for table, state in sorted(subscriber.tables.items()):
        said, tone = _STATES.get(state, (f"state {state}", ""))
        yield Fact(table, said, tone)
    if not subscriber.tables:
        yield Fact("tables", "none: it carries nothing", "bad")


def _workers(subscriber: SubscriberFacts, ours: Subscription) -> Iterator[Fact]:
    for worker in subscriber.workers:
        label = "apply worker" if worker.table is None else f"copies {worker.table}"
        heard = "" if worker.idle is None else f", last message {seconds(worker.idle)} ago"
        yield Fact(label, f"pid {worker.pid}{heard}", "good")
    if subscriber.worker is None:
        tone = "bad" if ours.enabled else "off"
        yield Fact("apply worker", "none is running", tone)
    limits = subscriber.limits
    if limits.most:
        yield Fact("of the server", f"{limits.running} of at most {limits.most} run (max_logical_replication_workers)")


def _errors(errors: ErrorCounts, version: int) -> Iterator[Fact]:
    yield Fact("apply errors", f"{errors.apply:,}", "waits" if errors.apply else "")
    yield Fact("copy errors", f"{errors.sync:,}", "waits" if errors.sync else "")
    counted = {name: count for name, count in errors.conflicts.items() if count}
    if version < _COUNTS_CONFLICTS:
        said = f"PostgreSQL {version} does not count them ({_COUNTS_CONFLICTS} and later do)"
        yield Fact("conflicts", said)
    elif counted:
        items = [f"{name}: {count:,}" for name, count in sorted(counted.items())]
        yield Fact("conflicts", f"{sum(counted.values()):,}", "waits", items)
    else:
        yield Fact("conflicts", "0")
