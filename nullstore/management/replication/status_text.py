"""How a look at replication reads."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication.health import Health, Verdict
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts


def in_one_line(found: Health) -> str:
    """Return the verdict, the first problem with what mends it, and how many more there are."""
    if not found.problems:
        return f"{found.verdict.upper()} {USER_SYNC.subscription}: {_lag(found)}"
    first, *others = found.problems
    more = f" (and {len(others)} more)" if others else ""
    return f"{found.verdict.upper()} {first.code}: {first.seen}. {first.fix}{more}"


def in_full(found: Health) -> str:
    """Return the verdict, every problem, and the facts that people look for."""
    return "\n".join(_lines(found))


def _lines(found: Health) -> Iterator[str]:
    ends = f"{USER_SYNC.publisher} ({found.publisher.place}) -> {USER_SYNC.subscriber} ({found.subscriber.place})"
    yield f"{found.verdict.upper()}: {ends}, {_lag(found)}"
    for problem in found.problems:
        yield ""
        yield problem.code
        yield f"  seen   {problem.seen}"
        yield f"  cause  {problem.cause}"
        yield f"  fix    {problem.fix}"
    yield ""
    yield from _facts(found)
    if found.verdict == Verdict.OK:
        yield "rows          are not compared here: manage.py replication verify"
    for unseen in found.unseen:
        yield f"not seen      {unseen.what}: {unseen.why}{f'. {unseen.grant}' if unseen.grant else ''}"


def _facts(found: Health) -> Iterator[str]:
    publisher, subscriber = found.publisher, found.subscriber
    if isinstance(publisher, PublisherFacts):
        published = publisher.publication
        tables = ", ".join(sorted(published.tables)) if published else "is not there"
        yield f"publication   {USER_SYNC.publication}: {tables} (PostgreSQL {publisher.server_version})"
    if isinstance(subscriber, SubscriberFacts):
        ours, worker = subscriber.subscription, subscriber.worker
        state = "is not there" if ours is None else "enabled" if ours.enabled else "disabled"
        runs = f", apply worker pid {worker.pid}" if worker else ", no apply worker"
        yield f"subscription  {USER_SYNC.subscription}: {state}{runs} (PostgreSQL {subscriber.server_version})"
        counts = {"errors of apply": subscriber.errors.apply, "of copies": subscriber.errors.sync}
        counts |= {name: count for name, count in subscriber.errors.conflicts.items() if count}
        if any(counts.values()):
            yield f"ever counted  {', '.join(f'{count:,} {name}' for name, count in counts.items())}"
    if isinstance(publisher, PublisherFacts):
        for slot in publisher.slots:
            read = f"read by pid {slot.active_pid}" if slot.active_pid else "not read"
            kept = "nothing" if slot.retained is None else f"{slot.retained:,} bytes of WAL"
            yield f"slot          {slot.name}: {slot.status}, {read}, keeps {kept}"


def _lag(found: Health) -> str:
    if found.lag_seconds is None:
        seconds = "behind by an unknown time"
    elif found.lag_is_at_least:
        seconds = f"at least {found.lag_seconds:,.1f} s behind"
    else:
        seconds = f"{found.lag_seconds * 1000:,.1f} ms behind"
    return seconds if found.lag_bytes is None else f"{seconds}, {found.lag_bytes:,} bytes"
