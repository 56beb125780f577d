"""The pair of servers that is measured, and beside it, in the same servers, a pair of bare databases."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

_MEGABYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
#: What a server for millions of rows has: shared buffers of a quarter of the memory for both together, after
#: https://www.postgresql.org/docs/18/runtime-config-resource.html. Everything is forced to disk, as in production. A
#: checkpoint on a timer would fall into the rounds of one side.
SERVER = {
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": f"{_MEGABYTES // 8}MB",
    "max_slot_wal_keep_size": "-1",
}
BARE = "bare"


@contextmanager
def measured_pair(settings: dict[str, str] | None = None) -> Iterator[None]:
    """Have Django set up on a migrated, empty pair of its own, which replicates and goes at the end."""
    import django

    from tests.servers import PORTS, running_pair

    with running_pair(PORTS, SERVER if settings is None else settings):
        django.setup()
        manage("migrate", verbosity=0)
        manage("replication", "wait", "--timeout", "600")
        yield


def manage(*words: Any, **options: Any) -> None:
    """Run a command of manage.py; what it prints is no result of the benchmark. Raises what the command raises."""
    from django.core.management import call_command
    from django.db import connections

    connections.close_all()
    call_command(*map(str, words), stdout=sys.stderr, **options)


def session(alias: str, dbname: str | None = None, **options: Any) -> psycopg.Connection:
    """Return a connection of its own, in autocommit mode, to the server of `alias`; the caller closes it."""
    from nullstore.replication.connect import connect

    return connect(alias, **({"dbname": dbname} if dbname else {}), **options)


def run(alias: str, statement: str, dbname: str | None = None) -> None:
    """Execute one statement (or several, divided by semicolons) on a session of its own."""
    with closing(session(alias, dbname)) as connection:
        connection.execute(statement)


def value(alias: str, query: str, dbname: str | None = None) -> Any:
    """Return the first column of the first row."""
    with closing(session(alias, dbname)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def libpq_environment(alias: str, dbname: str | None = None) -> dict[str, str]:
    """Return the environment in which PostgreSQL's programs find the database; the password is nowhere else."""
    from nullstore.replication.connect import parameters_of

    there = parameters_of(alias)
    return {
        **os.environ,
        "PGHOST": str(there["host"]),
        "PGPORT": str(there["port"]),
        "PGUSER": str(there["user"]),
        "PGPASSWORD": str(there["password"]),
        "PGDATABASE": dbname or str(there["dbname"]),
    }
