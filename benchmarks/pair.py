"""The pair of servers that is measured, and how to reach its databases and others."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Place:
    """Where a database is that is not Django's: its name, and by alias the port, if its server is another one."""

    dbname: str
    ports: Mapping[str, int] = field(default_factory=dict)

    def parameters(self, alias: str) -> dict[str, Any]:
        """Return libpq's parameters that differ from those of Django's database."""
        return {"dbname": self.dbname, **({"port": self.ports[alias]} if self.ports else {})}


BARE = Place("bare")
#: Where databases are made and dropped.
MAINTENANCE = Place("postgres")


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


def parameters(alias: str, place: Place | None = None) -> dict[str, Any]:
    """Return libpq's parameters, password included, for Django's database or the one at `place`."""
    from nullstore.replication.connect import parameters_of

    return parameters_of(alias, **(place.parameters(alias) if place else {}))


def session(alias: str, place: Place | None = None) -> psycopg.Connection:
    """Return a connection of its own, in autocommit mode, to the database of `alias`; the caller closes it."""
    from nullstore.replication.connect import connect

    return connect(alias, **(place.parameters(alias) if place else {}))


def run(alias: str, statement: str, place: Place | None = None) -> None:
    """Execute one statement (or several, divided by semicolons) on a session of its own."""
    with closing(session(alias, place)) as connection:
        connection.execute(statement)


def value(alias: str, query: str, place: Place | None = None) -> Any:
    """Return the first column of the first row."""
    with closing(session(alias, place)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def libpq_environment(alias: str, place: Place | None = None) -> dict[str, str]:
    """Return the environment in which PostgreSQL's programs find the database; the password is nowhere else."""
    there = parameters(alias, place)
    return {
        **os.environ,
        "PGHOST": str(there["host"]),
        "PGPORT": str(there["port"]),
        "PGUSER": str(there["user"]),
        "PGPASSWORD": str(there["password"]),
        "PGDATABASE": str(there["dbname"]),
    }
