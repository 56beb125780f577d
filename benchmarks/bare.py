"""What the project stands beside: the same table in the same servers without triggers, guard or indexes of ours."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import LiteralString

from psycopg import conninfo, sql

from benchmarks.pair import BARE, libpq_environment, run, session, value

TABLE = "user_references"
SUBSCRIPTION = "bare_sync"


@contextmanager
def bare_pair() -> Iterator[None]:
    """A database `bare` in each server, with the columns, defaults and key of user_references, empty, replicating."""
    with bare_database("erebus"), bare_database("agents"):
        run("erebus", f"CREATE PUBLICATION {SUBSCRIPTION} FOR TABLE {TABLE}", BARE)
        subscribe(publisher_database=BARE)
        try:
            yield
        finally:
            unsubscribe()


@contextmanager
def bare_database(alias: str, *, indexes: bool = False) -> Iterator[None]:
    """A database `bare` in the server of `alias` with the bare table, with our indexes if asked for."""
    definitions = value(
        alias,
        f"SELECT array_agg(indexdef) FROM pg_indexes WHERE tablename = '{TABLE}' AND indexdef NOT LIKE '%_pkey %'",
    )
    drop_bare_database(alias)
    run(alias, f"CREATE DATABASE {BARE} TEMPLATE template0", "postgres")
    try:
        dump = subprocess.run(
            [program("pg_dump"), "--section=pre-data", "--no-owner", "--no-acl", "-t", TABLE],
            env=libpq_environment(alias),
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        _psql(alias, dump)
        run(alias, f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id)", BARE)
        for definition in definitions if indexes else ():
            run(alias, definition, BARE)
        yield
    finally:
        drop_bare_database(alias)


def drop_bare_database(alias: str) -> None:
    run(alias, f"DROP DATABASE IF EXISTS {BARE} WITH (FORCE)", "postgres")


def subscribe(*, publisher_database: str, options: LiteralString = "") -> None:
    """Subscribe the bare table of agents to the publication bare_sync of a database of erebus' server."""
    from nullstore.replication.connect import parameters_of

    there = parameters_of("erebus")
    target = conninfo.make_conninfo(
        host=str(there["host"]),
        port=str(there["port"]),
        user=str(there["user"]),
        password=str(there["password"]),
        dbname=publisher_database,
    )
    statement = sql.SQL(
        f"CREATE SUBSCRIPTION {SUBSCRIPTION} CONNECTION {{}} PUBLICATION {SUBSCRIPTION} {options}"
    ).format(target)
    with closing(session("agents", BARE)) as connection:
        connection.execute(statement)


def unsubscribe() -> None:
    """Drop the subscription and its slot, if there is one."""
    run("agents", f"DROP SUBSCRIPTION IF EXISTS {SUBSCRIPTION}", BARE)


def program(name: str) -> str:
    """Return the path of a program of the version that the servers have."""
    from nullstore.backup import programs

    return str(programs.find(name, int(value("erebus", "SHOW server_version_num")) // 10_000))


def _psql(alias: str, script: bytes) -> None:
    subprocess.run(
        [program("psql"), "-qX", "-v", "ON_ERROR_STOP=1"],
        env=libpq_environment(alias, BARE),
        check=True,
        input=script,
        stdout=subprocess.DEVNULL,
    )
