"""health(): both ends looked at, at once and in bounded time, and joined into one verdict."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar

import psycopg

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.exceptions import DatabaseUnavailable
from nullstore.replication import catalog
from nullstore.replication.health.ends import CONNECT, End, in_thread, unreachable
from nullstore.replication.health.expected import Expected, expected
from nullstore.replication.health.facts import Facts, PublisherFacts, SubscriberFacts, Unreachable, Watched
from nullstore.replication.health.look import applied_position, hidden, look_at_publisher, look_at_subscriber
from nullstore.replication.health.problems import find
from nullstore.replication.health.report import Health
from nullstore.replication.health.roots import roots, worst
from nullstore.replication.health.tasks import orphans
from nullstore.replication.health.verdict import Unseen, Verdict
from nullstore.replication.health.watch import LONGEST, standing, watch, with_refusal

F = TypeVar("F")

_LOOK = 5.0
#: What lies on the way: waiting cannot help.
_HOPELESS = frozenset(
    {
        "publisher_unreachable",
        "subscriber_unreachable",
        "wal_level",
        "source_rolled_back",
        "subscription_missing",
        "subscription_disabled",
        "slot_missing",
        "slot_lost",
    }
)


def health(timeout: float = 2.0, *, count_tasks: bool = True) -> Health:
    """Look at both ends and say how replication is. Raises nothing for what is broken: that is a problem in the list.

    `timeout` is how many seconds to wait for the replica to have what the source has now. `count_tasks` also looks for
    tasks without their user, which reads an index from end to end (1 s at most). A healthy pair takes some 50 ms.
    """
    started = time.monotonic()
    ends: dict[str, End] = {}
    try:
        facts = _facts(ends, expected(), timeout, count_tasks=count_tasks)
        unseen = tuple({seen: None for end in ends.values() for seen in end.unseen})
    finally:
        for end in ends.values():
            end.close()
    problems = roots(find(facts), _pending(facts))
    return Health(
        verdict=worst(problems),
        problems=problems,
        lag_bytes=_lag_bytes(facts),
        lag_seconds=facts.watched.standing if facts.watched.arrived is None else facts.watched.arrived,
        lag_is_at_least=facts.watched.arrived is None,
        publisher=facts.publisher,
        subscriber=facts.subscriber,
        unseen=unseen,
        seconds=time.monotonic() - started,
        orphaned_tasks=facts.watched.orphans.tasks if facts.watched.orphans else None,
    )


def _facts(ends: dict[str, End], wanted: Expected, timeout: float, *, count_tasks: bool) -> Facts:
    looks = (
        in_thread(lambda: _look(USER_SYNC.publisher, wanted, look_at_publisher)),
        in_thread(lambda: _look(USER_SYNC.subscriber, wanted, look_at_subscriber)),
    )
    publisher = _result(ends, USER_SYNC.publisher, looks[0])
    subscriber = _result(ends, USER_SYNC.subscriber, looks[1])
    facts = Facts(publisher, subscriber, wanted, conf.lag_threshold())
    try:
        return _between(ends, facts, timeout, count_tasks=count_tasks)
    except psycopg.OperationalError as error:
        return _without_the_gone(ends, facts, error)


def _look(alias: str, wanted: Expected, look: Callable[[End, Expected], F]) -> tuple[End, F]:
    end = End(alias, _LOOK)
    try:
        facts = look(end, wanted)
        # It has answered; now it waits for what the other end says.
        end.allow(2 * (CONNECT + _LOOK))
        return end, facts
    except BaseException:
        end.close()
        raise


def _result(ends: dict[str, End], alias: str, look: Future[tuple[End, F]]) -> F | Unreachable:
    try:
        end, facts = look.result(2 * CONNECT + _LOOK)
    except TimeoutError as error:
        look.add_done_callback(_close)
        return unreachable(alias, error)
    except (DatabaseUnavailable, psycopg.Error) as error:
        return unreachable(alias, error)
    ends[alias] = end
    return facts


def _close(look: Future[tuple[End, F]]) -> None:
    if look.exception() is None:
        look.result()[0].close()


def _between(ends: dict[str, End], facts: Facts, timeout: float, *, count_tasks: bool) -> Facts:
    """Add what happens between two looks."""
    for end in ends.values():
        end.allow(max(timeout, LONGEST) + _LOOK)
    publisher, subscriber = (ends.get(alias) for alias in (USER_SYNC.publisher, USER_SYNC.subscriber))
    if subscriber and isinstance(facts.subscriber, SubscriberFacts):
        subscriber.unseen += hidden(subscriber, facts.subscriber)
    facts = _as_they_are_now(publisher, subscriber, facts)
    watched = _watch(publisher, subscriber, facts, timeout)
    if count_tasks and subscriber:
        watched = replace(watched, orphans=orphans(publisher, subscriber, facts))
    return replace(_as_they_are_now(publisher, subscriber, facts), watched=watched)


def _watch(publisher: End | None, subscriber: End | None, facts: Facts, timeout: float) -> Watched:
    found = find(facts)
    if not (publisher and subscriber) or any(problem.code in _HOPELESS for problem in found):
        return Watched(standing=standing(publisher, subscriber, facts))
    # A slot without a reader is what is to be found out about, and no answer.
    known = worst(problem for problem in found if problem.code != "slot_inactive")
    watched = watch(publisher, subscriber, facts, timeout, alone=known is not Verdict.BROKEN)
    return with_refusal(watched, publisher)


def _as_they_are_now(publisher: End | None, subscriber: End | None, facts: Facts) -> Facts:
    """Ask again for what comes and goes: a worker that was just being started, a copy that has come to its end."""
    first, second = facts.publisher, facts.subscriber
    if subscriber and isinstance(second, SubscriberFacts) and second.subscription:
        oid = second.subscription.oid
        workers = catalog.workers(subscriber.connection, oid)
        applied, tables = applied_position(subscriber, oid, workers), catalog.table_states(subscriber.connection, oid)
        second = replace(second, workers=workers, applied=applied, tables=tables)
    if publisher and isinstance(first, PublisherFacts):
        slots = catalog.slot_states(publisher.connection, USER_SYNC.publication)
        first = replace(first, slots=slots, readers=catalog.readers(publisher.connection))
        # After all others: what is applied must have been written before.
        first = replace(first, position=catalog.insert_position(publisher.connection))
    return replace(facts, publisher=first, subscriber=second)


def _without_the_gone(ends: dict[str, End], facts: Facts, error: psycopg.Error) -> Facts:
    """Return the facts without the end that went away meanwhile; if none did, one was too slow."""
    for alias, end in ends.items():
        if end.connection.broken and alias == USER_SYNC.publisher:
            facts = replace(facts, publisher=unreachable(alias, error))
        elif end.connection.broken:
            facts = replace(facts, subscriber=unreachable(alias, error))
        else:
            end.unseen.append(Unseen("what happens between two looks", " ".join(str(error).split()), ""))
    return facts


def _pending(facts: Facts) -> frozenset[str]:
    """Return the codes that migrations which are not applied explain: none of what is seen to fail at this moment."""
    if facts.watched.fails:
        return frozenset()
    ends = (end for end in (facts.publisher, facts.subscriber) if not isinstance(end, Unreachable))
    names = [name for end in ends for name in end.migrations_pending or ()]
    return frozenset[str]().union(*(facts.expected.explains[name] for name in names))


def _lag_bytes(facts: Facts) -> int | None:
    publisher, subscriber = facts.publisher, facts.subscriber
    if not isinstance(publisher, PublisherFacts) or not isinstance(subscriber, SubscriberFacts):
        return None
    slot = publisher.slot(subscriber.subscription.slot_name) if subscriber.subscription else None
    known = [position for position in (subscriber.applied, slot.position if slot else None) if position is not None]
    return max(publisher.position - max(known), 0) if known else None
