"""What the project stands beside: the same table without triggers, guard or indexes of ours."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import LiteralString

from psycopg import conninfo, sql

from benchmarks.pair import BARE, MAINTENANCE, SERVER, Place, libpq_environment, parameters, run, session, value

TABLE = "user_references"
SUBSCRIPTION = "bare_sync"


@contextmanager
def bare_pair() -> Iterator[Place]:
    """A second pair of servers with the same settings, and in it the columns, key and rows of user_references.

    It replicates. It has servers of its own because each subscription's walsender decodes all that is written in its
    server: what is written to one pair would be paid for by the other.
    """
    from tests.servers import free_ports, running_pair

    ports = dict(zip(("erebus", "agents"), free_ports(2), strict=True))
    place = replace(BARE, ports=ports)
    with running_pair(list(ports.values()), SERVER), bare_database("erebus", place), bare_database("agents", place):
        for alias in ports:
            run(alias, f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey", place)
            copy_users(alias, place)
            run(alias, f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id)", place)
        run("erebus", f"CREATE PUBLICATION {SUBSCRIPTION} FOR TABLE {TABLE}", place)
        subscribe(place, publisher=place, options="WITH (copy_data = false)")
        try:
            yield place
        finally:
            unsubscribe(place)


@contextmanager
def bare_database(alias: str, place: Place = BARE, *, indexes: bool = False) -> Iterator[None]:
    """A database with the bare table, empty, with our indexes if asked for."""
    definitions = value(
        alias,
        f"SELECT array_agg(indexdef) FROM pg_indexes WHERE tablename = '{TABLE}' AND indexdef NOT LIKE '%_pkey %'",
    )
    drop_bare_database(alias, place)
    run(alias, f"CREATE DATABASE {place.dbname} TEMPLATE template0", replace(place, dbname=MAINTENANCE.dbname))
    try:
        dump = subprocess.run(
            [program("pg_dump"), "--section=pre-data", "--no-owner", "--no-acl", "-t", TABLE],
            env=libpq_environment(alias),
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        _psql(alias, place, dump)
        run(alias, f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id)", place)
        for definition in definitions if indexes else ():
            run(alias, definition, place)
        yield
    finally:
        drop_bare_database(alias, place)


def drop_bare_database(alias: str, place: Place = BARE) -> None:
    run(alias, f"DROP DATABASE IF EXISTS {place.dbname} WITH (FORCE)", replace(place, dbname=MAINTENANCE.dbname))


def subscribe(place: Place = BARE, *, publisher: Place | None = None, options: LiteralString = "") -> None:
    """Subscribe the bare table to the publication bare_sync of erebus' database or the one of `publisher`."""
    there = parameters("erebus", publisher)
    target = conninfo.make_conninfo(
        **{name: str(there[name]) for name in ("host", "port", "user", "password", "dbname")}
    )
    statement = sql.SQL(
        f"CREATE SUBSCRIPTION {SUBSCRIPTION} CONNECTION {{}} PUBLICATION {SUBSCRIPTION} {options}"
    ).format(target)
    with closing(session("agents", place)) as connection:
        connection.execute(statement)


def unsubscribe(place: Place = BARE) -> None:
    """Drop the subscription and its slot, if there is one."""
    run("agents", f"DROP SUBSCRIPTION IF EXISTS {SUBSCRIPTION}", place)


def copy_users(alias: str, place: Place = BARE) -> None:
    """Copy the users of erebus into a bare table as somebody does at a shell, in binary form."""
    columns = value(
        alias,
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
        f"WHERE attrelid = '{TABLE}'::regclass AND attnum > 0 AND NOT attisdropped",
    )
    psql = [program("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-c"]
    with subprocess.Popen(
        [*psql, f"COPY {TABLE} ({columns}) TO STDOUT (FORMAT binary)"],
        env=libpq_environment("erebus"),
        stdout=subprocess.PIPE,
    ) as source:
        subprocess.run(
            [*psql, f"COPY {TABLE} ({columns}) FROM STDIN (FORMAT binary)"],
            env=libpq_environment(alias, place),
            stdin=source.stdout,
            check=True,
        )
    if source.returncode:
        raise RuntimeError(f"COPY from erebus ended with {source.returncode}.")


def program(name: str) -> str:
    """Return the path of a program of the version that the servers have."""
    from nullstore.backup import programs

    return str(programs.find(name, int(value("erebus", "SHOW server_version_num")) // 10_000))


def _psql(alias: str, place: Place, script: bytes) -> None:
    subprocess.run(
        [program("psql"), "-qX", "-v", "ON_ERROR_STOP=1"],
        env=libpq_environment(alias, place),
        check=True,
        input=script,
        stdout=subprocess.DEVNULL,
    )
