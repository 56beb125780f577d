"""From facts to problems: small functions, one subject a module. None of them asks a server."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication.health.facts import Facts, PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems import (
    delay,
    ends,
    publication,
    replica,
    slots,
    subscription,
    tasks,
    triggers,
    workers,
)
from nullstore.replication.health.verdict import Problem


def find(facts: Facts) -> list[Problem]:
    """Return every problem, causes and consequences, in no order."""
    return list(_find(facts))


def _find(facts: Facts) -> Iterator[Problem]:
    publisher, subscriber = facts.publisher, facts.subscriber
    yield from ends.unreachable(facts)
    if isinstance(publisher, PublisherFacts):
        yield from ends.wal_level(publisher)
        yield from ends.migrations_pending(publisher, USER_SYNC.publisher)
        yield from publication.problems(publisher)
        yield from slots.near_limit(publisher)
        yield from replica.identities(publisher)
        yield from triggers.of_the_source(publisher, facts.expected)
    if isinstance(subscriber, SubscriberFacts):
        yield from ends.migrations_pending(subscriber, USER_SYNC.subscriber)
        yield from subscription.problems(subscriber)
        yield from triggers.of_the_replica(subscriber, facts.expected)
        yield from triggers.lifted(subscriber)
        yield from triggers.foreign(subscriber, facts.expected)
        yield from replica.missing(subscriber)
        yield from replica.constraints(subscriber)
        yield from tasks.orphaned(facts.watched)
    if isinstance(publisher, PublisherFacts) and isinstance(subscriber, SubscriberFacts):
        yield from slots.problems(publisher, subscriber)
        yield from subscription.tables(publisher, subscriber)
        yield from replica.columns(publisher, subscriber)
        yield from replica.keys(publisher, subscriber)
        yield from delay.rolled_back(publisher, subscriber)
        yield from workers.problems(publisher, subscriber, facts.watched, facts.expected)
    yield from delay.blocked(facts.watched)
    yield from delay.lagging(facts)
