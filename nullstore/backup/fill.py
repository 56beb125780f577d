"""Fills a new database from a dump, and compares what came of it with the manifest."""

import os
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from nullstore.backup import programs
from nullstore.backup.access import give_access
from nullstore.backup.content import content, tables
from nullstore.backup.manifest import Dump
from nullstore.backup.progress import Counter, Progress
from nullstore.backup.server import Server
from nullstore.exceptions import DamagedBackup
from nullstore.replication.compare.ends import open_end
from nullstore.replication.connect import connect, parameters_of

_BEGINS: Final = "processing data for table "


def fill(
    server: Server, name: str, dump: Dump, folder: Path, pg_restore: Path, *, jobs: int, progress: Progress
) -> None:
    """Restore the dump in `folder` into the empty database `name`. Raises BackupError."""
    counter = Counter(f"{server.alias}: restoring", len(dump.tables), _BEGINS, progress)
    lock = os.open(folder, os.O_RDONLY)
    try:
        programs.run(
            pg_restore,
            ["--format=directory", f"--jobs={jobs}", "--exit-on-error", "--no-subscriptions", "--verbose", str(folder)],
            parameters_of(server.alias, dbname=name),
            line=counter.line,
            keep_open=lock,
        )
    finally:
        os.close(lock)
    with closing(connect(server.alias, dbname=name)) as connection:
        _apply_settings(connection, name, dump)
        give_access(connection, name, dump.access)
        # Without statistics the first questions would be answered by reading whole tables.
        connection.execute("ANALYZE")


def verify(server: Server, name: str, dump: Dump, *, progress: Progress) -> None:
    """Raise DamagedBackup unless the database holds what the manifest says, row by row."""
    with closing(open_end(server.alias, dbname=name)) as connection:
        there = tables(connection)
        found = {}
        for number, ((schema, table), key) in enumerate(there.items()):
            progress(f"{server.alias}: comparing {table}", number, len(there))
            found[f"{schema}.{table}"] = content(connection, schema, table, key)
    wrong = sorted(table for table in found.keys() | dump.tables.keys() if found.get(table) != dump.tables.get(table))
    if wrong:
        raise DamagedBackup(
            f"What was restored of {server.alias} is not what was dumped, in {', '.join(wrong)}. Nothing was replaced."
        )


def _apply_settings(connection: psycopg.Connection, name: str, dump: Dump) -> None:
    for role, parameter, value in dump.settings:
        # FROM CURRENT stores lists as they were; written out, they would have to be quoted in ways of their own.
        connection.execute("SELECT set_config(%s, %s, false)", [parameter, value])
        whose = (
            sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(name))
            if role
            else (sql.SQL("ALTER DATABASE {}").format(sql.Identifier(name)))
        )
        connection.execute(sql.SQL("{} SET {} FROM CURRENT").format(whose, sql.Identifier(*parameter.split("."))))
        connection.execute(sql.SQL("RESET {}").format(sql.Identifier(*parameter.split("."))))
