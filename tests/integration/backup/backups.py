"""What the tests of backup and restore share."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from nullstore.databases import AGENTS, ALIASES, EREBUS
from nullstore.replication.connect import connect
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, wait_for
from tests.servers import url


def command(*words: Any, **options: Any) -> dict[str, Any]:
    """Run a command of manage.py with --json; return what it printed."""
    out = StringIO()
    connections.close_all()
    call_command(*map(str, words), json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def backup(folder: Path) -> dict[str, Any]:
    return command("backup", folder)


def restore(folder: Path, **options: Any) -> dict[str, Any]:
    return command("restore", folder, no_input=True, **options)


def databases() -> dict[str, str]:
    """The environment in which manage.py finds the databases of the test."""
    return {
        f"{alias.upper()}_DATABASE_URL": url(
            connections[alias].settings_dict["PORT"], connections[alias].settings_dict["NAME"]
        )
        for alias in ALIASES
    }


def names(alias: str) -> list[str]:
    """The databases of the server that belong to the alias: its own, and what restores have left."""
    own = connections[alias].settings_dict["NAME"]
    with closing(connect(alias, dbname="postgres")) as server:
        found = server.execute(
            "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s) OR starts_with(datname, %s)"
            " ORDER BY 1",
            [own, f"{own}_restore_", f"{own}_before_"],
        ).fetchall()
    return [name.removeprefix(own) for (name,) in found]


def users() -> list[str]:
    return [name for (name,) in EREBUS_SQL.rows("SELECT source_identifier FROM user_references ORDER BY 1")]


def tasks() -> list[tuple[str, Any]]:
    """The tasks by name, each with the identifier of its user in the replica."""
    return AGENTS_SQL.rows(
        "SELECT name, u.source_identifier FROM tasks LEFT JOIN user_references AS u ON u.id = user_id ORDER BY name"
    )


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Drop at the end what restores have kept."""
    try:
        yield
    finally:
        connections.close_all()
        command("restore", drop_kept=True, no_input=True)
        assert names(EREBUS) == names(AGENTS) == [""]


def lose(alias: str) -> None:
    """Drop the database of the alias, as after the loss of a server."""
    name = connections[alias].settings_dict["NAME"]
    if alias == "agents":
        unsubscribe_by_force()
    connections.close_all()
    with closing(connect(alias, dbname="postgres")) as server:
        wait_for(lambda: dropped(server, name))


def dropped(server: psycopg.Connection, name: str) -> bool:
    # The apply worker is there again soon.
    server.execute(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE database = %s AND active", [name]
    )
    try:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg.errors.ObjectInUse:
        return False
    return True


def unsubscribe_by_force() -> None:
    """Drop the subscription without its slot, which the loss of the agents server leaves behind."""
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync SET (slot_name = NONE)")
    AGENTS_SQL.run("DROP SUBSCRIPTION agents_user_sync")
