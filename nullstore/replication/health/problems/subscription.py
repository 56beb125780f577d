"""Problems of the subscription and of the tables in it."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem
from nullstore.replication.subscriptions import CONNECTS_ELSEWHERE

_STATES = {"i": "waits for its copy", "d": "is being copied", "f": "is copied", "s": "catches up after its copy"}


def problems(subscriber: SubscriberFacts) -> Iterator[Problem]:
    """subscription_missing, subscription_disabled, subscription_differs, connection_differs, and
    work_in_progress.
    """
    name, alias, ours = USER_SYNC.subscription, USER_SYNC.subscriber, subscriber.subscription
    if (run := subscriber.at_work) is not None:
        yield Problem(
            "work_in_progress",
            f"The session with pid {run.pid} on {alias} works on {name} since {run.since:%Y-%m-%d %H:%M:%S %Z}",
            "migrate, resync or the like is running.",
            f"Let it end. If it hangs, {alias}: SELECT pg_terminate_backend({run.pid})",
        )
    if ours is None:
        yield Problem(
            "subscription_missing",
            f"{alias} has no subscription {name}",
            "Somebody dropped it, or the database was restored from a dump, which does not hold it.",
            RESYNC,
        )
        return
    if not ours.enabled:
        yield Problem(
            "subscription_disabled",
            f"The subscription {name} is disabled; {subscriber.errors.apply:,} errors of apply are counted",
            "Somebody disabled it, or it has disable_on_error and met an error.",
            "manage.py replication enable",
        )
    if CONNECTS_ELSEWHERE in subscriber.differences:
        yield Problem(
            "connection_differs",
            f"The subscription {name} connects otherwise than declared: {CONNECTS_ELSEWHERE}",
            "The settings have changed since it was made: another server was promoted, the password was rotated, the "
            "database was renamed. Or somebody altered it.",
            "manage.py replication reconnect",
        )
    if others := [said for said in subscriber.differences if said != CONNECTS_ELSEWHERE]:
        yield Problem(
            "subscription_differs",
            f"The subscription {name} is not as declared: {'; '.join(others)}",
            "Somebody altered it, or the settings have changed since it was made.",
            RESYNC,
        )


def tables(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """table_not_subscribed and table_not_ready."""
    if subscriber.subscription is None or publisher.publication is None:
        return
    for table in sorted(publisher.publication.tables - set(subscriber.tables)):
        yield Problem(
            "table_not_subscribed",
            f"{table} is published, and {USER_SYNC.subscription} does not know it",
            "It was published after the subscription was made, and the subscription was not refreshed.",
            RESYNC,
        )
    for table, state in subscriber.tables.items():
        if state != "r":
            yield Problem(
                "table_not_ready",
                f"{table} {_STATES.get(state, 'is not ready')} (state {state})",
                "The initial copy is going on.",
                "manage.py replication wait --timeout 600",
            )
