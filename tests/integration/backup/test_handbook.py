"""The handbook's plain pg_dump and psql, and the one command that finishes what they leave undone."""

import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from psycopg import sql

from nullstore.backup import programs
from nullstore.databases import ALIASES
from nullstore.replication.connect import connect, parameters_of
from tests.integration.backup.backups import command, lose
from tests.integration.replicas import AGENTS_SQL, add_task, add_user, assert_replicated, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")


def plain(alias: str, name: str, *words: str, **options: Any) -> None:
    """Run pg_dump or psql of the server's version as somebody does at a shell."""
    there = parameters_of(alias)
    with closing(connect(alias, dbname="postgres")) as connection:
        program = programs.find(name, connection.info.server_version // 10_000)
    subprocess.run(
        [program, "-h", str(there["host"]), "-p", str(there["port"]), "-U", str(there["user"]), *words],
        env={**os.environ, "PGPASSWORD": str(there["password"])},
        check=True,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize("restored", [("erebus",), ("agents",), ("agents", "erebus")], ids="+".join)
def test_resync_finishes_it(tmp_path: Path, restored: tuple[str, ...]) -> None:
    ann = add_user("ann")
    wait_until_replicated(30)
    add_task(ann, name="of ann")
    names = {alias: str(connections[alias].settings_dict["NAME"]) for alias in ALIASES}
    for alias in restored:
        with (tmp_path / f"{alias}.sql").open("wb") as file:
            plain(alias, "pg_dump", names[alias], stdout=file)
    bob = add_user("bob")
    wait_until_replicated(30)
    add_task(bob, name="of bob")
    for alias in restored:
        lose(alias)
    for alias in restored:
        with closing(connect(alias, dbname="postgres")) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(names[alias])))
        with (tmp_path / f"{alias}.sql").open("rb") as file:
            plain(alias, "psql", "-q", "-d", names[alias], stdin=file, stdout=subprocess.DEVNULL)
    command("replication", "resync", no_input=True, anew=True)
    assert_replicated({"erebus": 1, "agents": 2}[restored[-1]])
    add_user("cid")
    assert_replicated({"erebus": 2, "agents": 3}[restored[-1]])
    assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"
    orphans = AGENTS_SQL.value(
        "SELECT count(*) FROM tasks WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT id FROM user_references)"
    )
    assert orphans == 0
