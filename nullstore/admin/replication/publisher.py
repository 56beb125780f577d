"""What the page shows of the end that is written."""

from collections.abc import Iterator

from nullstore.admin.replication.words import Fact, Group, seconds, size
from nullstore.admin.show import moment
from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import Publication, Session, SlotLimits, SlotState
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts, Unreachable
from nullstore.replication.slots import LIKE_OURS

_WAL: dict[str | None, tuple[str, str]] = {
    "reserved": ("reserved: all that it needs is kept", "good"),
    "extended": ("extended: beyond max_wal_size, and kept", "waits"),
    "unreserved": ("unreserved: may be lost at the next checkpoint", "bad"),
    "lost": ("lost: WAL that it needs is gone", "bad"),
}
_NEAR = 0.2
_TELLS_INACTIVE_SINCE = 17


def groups(publisher: PublisherFacts, subscriber: SubscriberFacts | Unreachable) -> Iterator[Group]:
    """Yield the server, the publication and its slots."""
    level = Fact("wal_level", publisher.wal_level, "good" if publisher.wal_level == "logical" else "bad")
    yield Group("Server", [*server(publisher), level])
    yield Group(f"Publication {USER_SYNC.publication}", list(_publication(publisher)))
    followed = _followed(subscriber)
    ours = [slot for slot in publisher.slots if slot.name == followed or LIKE_OURS.fullmatch(slot.name)]
    if followed and publisher.slot(followed) is None:
        yield Group(f"Slot {followed}", [Fact("state", "is not there", "bad")])
    elif not ours:
        yield Group("Slot", [Fact("state", "there is none", "bad")])
    for slot in ours:
        yield Group(f"Slot {slot.name}", list(_slot(slot, publisher)))


def server(end: PublisherFacts | SubscriberFacts) -> list[Fact]:
    """Return where the server is and its version."""
    pending = end.migrations_pending
    waiting = [Fact("migrations not applied", ", ".join(pending), "waits")] if pending else []
    return [Fact("place", end.place), Fact("version", f"PostgreSQL {end.server_version}"), *waiting]


def _publication(publisher: PublisherFacts) -> Iterator[Fact]:
    published = publisher.publication
    if published is None:
        yield Fact("state", "is not there", "bad")
        return
    if publisher.differences:
        yield Fact("state", "not as declared", "bad", publisher.differences)
    else:
        yield Fact("state", "as the migrations declare it", "good")
    yield Fact("carries", ", ".join(sorted(published.publish)) or "nothing")
    if published.all_tables:
        yield Fact("tables", "all tables of the database")
    if published.schemas:
        yield Fact("schemas", ", ".join(published.schemas))
    for table in sorted(published.tables):
        yield Fact(f"table {table}", _what_of(published, table))


def _what_of(published: Publication, table: str) -> str:
    columns, condition = published.columns.get(table), published.filters.get(table)
    some = "all columns" if columns is None else f"the columns {', '.join(sorted(columns))}"
    rows = "all rows" if condition is None else f"rows WHERE {condition}"
    return f"{some}, {rows}"


def _followed(subscriber: SubscriberFacts | Unreachable) -> str | None:
    """Return the name of the slot that the subscription follows; None if it follows none or cannot be asked."""
    ours = None if isinstance(subscriber, Unreachable) else subscriber.subscription
    return ours.slot_name if ours else None


def _slot(slot: SlotState, publisher: PublisherFacts) -> Iterator[Fact]:
    active = slot.active_pid is not None
    yield Fact(
        "state", "active: it is being read" if active else "inactive: nobody reads it", "good" if active else "bad"
    )
    reader = publisher.reader(slot)
    if active:
        yield Fact("read by", f"pid {slot.active_pid}{_who(reader) if reader else ''}")
    else:
        yield Fact("inactive since", _inactive_since(slot, publisher.server_version))
    status, tone = _WAL.get(slot.status, (slot.status or "unknown", ""))
    reason = f" ({slot.invalidation_reason})" if slot.invalidation_reason else ""
    yield Fact("WAL", f"{status}{reason}", tone)
    yield Fact("keeps", f"{size(slot.retained)} of WAL" if slot.retained is not None else "nothing")
    yield _headroom(slot, publisher.limits)
    if publisher.limits.seconds is not None:
        yield Fact("cut off when idle for", f"{seconds(publisher.limits.seconds)} (idle_replication_slot_timeout)")


def _who(reader: Session) -> str:
    said = [
        f"user {reader.user}" if reader.user else "",
        f"application {reader.application}" if reader.application else "",
        f"from {reader.address}" if reader.address else "",
        reader.state or "",
    ]
    known = ", ".join(part for part in said if part)
    return f": {known}" if known else ""


def _inactive_since(slot: SlotState, version: int) -> str:
    if slot.inactive_since is not None:
        return f"{moment(slot.inactive_since)}, {seconds(slot.inactive_seconds)} ago"
    if version < _TELLS_INACTIVE_SINCE:
        return f"PostgreSQL {version} does not tell ({_TELLS_INACTIVE_SINCE} and later do)"
    return "unknown"


def _headroom(slot: SlotState, limits: SlotLimits) -> Fact:
    """Return what may still be written before the slot is cut off."""
    label = "headroom"
    if slot.status == "lost":
        return Fact(label, "none: it is cut off", "bad")
    if limits.bytes is None or slot.safe is None:
        tone = "waits" if slot.active_pid is None else ""
        return Fact(label, "no limit: unread, it may fill the disk (max_slot_wal_keep_size = -1)", tone)
    tone = "waits" if slot.safe < _NEAR * limits.bytes else "good"
    return Fact(label, f"{size(max(slot.safe, 0))} until it is cut off; the limit is {size(limits.bytes)}", tone)
