"""Problems of a server as a whole."""

import re
from collections.abc import Iterator

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.replication.health.facts import Facts, PublisherFacts, SubscriberFacts, Unreachable
from nullstore.replication.health.verdict import Problem

_LISTED = 5


def unreachable(facts: Facts) -> Iterator[Problem]:
    """publisher_unreachable and subscriber_unreachable."""
    for code, alias, end in (
        ("publisher_unreachable", USER_SYNC.publisher, facts.publisher),
        ("subscriber_unreachable", USER_SYNC.subscriber, facts.subscriber),
    ):
        if isinstance(end, Unreachable):
            cause, fix = _why(alias, end)
            yield Problem(code, f"{alias} at {end.place}: {end.message}", cause, fix)


def _why(alias: str, end: Unreachable) -> tuple[str, str]:
    variable = f"{alias.upper()}_DATABASE_URL"
    said = end.message
    if "recovery is in progress" in said or "session is read-only" in said or "not in hot standby" in said:
        return (
            "It is a standby that has not been promoted.",
            f"If the primary is gone for good, on that server: SELECT pg_promote(); else correct {variable}",
        )
    if re.search(r'database ".*" does not exist', said):
        return (
            f"The server answers and has no database of the name in {variable}: it was renamed or dropped.",
            f"On that server: ALTER DATABASE ... RENAME TO {end.place.rpartition('/')[2]}; or correct {variable}",
        )
    if "FATAL" in said:
        if "authentication" in said or "pg_hba" in said or "role " in said:
            return f"The server refuses the login in {variable}.", f"Correct user and password in {variable}"
        return "The server answers and lets nobody in now.", "Do what the server's message says"
    if "timeout" in said or "closed the connection" in said:
        return (
            "The server does not answer: it is frozen, overloaded or cut off from here.",
            "manage.py localdb status shows the local pair; elsewhere look at the server's machine and its log",
        )
    where = "The server is not running there, or cannot be reached from here."
    return where, _how_to_have_it_back(alias, variable)


def _how_to_have_it_back(alias: str, variable: str) -> str:
    if alias == USER_SYNC.publisher and conf.failover_slot():
        return (
            f"Start it; or promote its standby, write its place into {variable} and REPLICATION_SOURCE_URL, and run: "
            "manage.py replication reconnect"
        )
    return "manage.py localdb start"


def wal_level(publisher: PublisherFacts) -> Iterator[Problem]:
    """wal_level."""
    if publisher.wal_level != "logical":
        yield Problem(
            "wal_level",
            f"wal_level is {publisher.wal_level} on {USER_SYNC.publisher} at {publisher.place}",
            "The server writes too little into its WAL for logical replication.",
            f"{USER_SYNC.publisher}: ALTER SYSTEM SET wal_level = 'logical'; then restart its server",
        )


def migrations_pending(end: PublisherFacts | SubscriberFacts, alias: str) -> Iterator[Problem]:
    """migrations_pending."""
    pending = end.migrations_pending
    if pending:
        more = f" and {len(pending) - _LISTED} more" if len(pending) > _LISTED else ""
        yield Problem(
            "migrations_pending",
            f"{alias} lacks {', '.join(pending[:_LISTED])}{more}",
            "The program is newer than the database.",
            "manage.py migrate",
        )
