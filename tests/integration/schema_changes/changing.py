"""What the tests of schema changes share: a subscribed pair of their own, and migrations made on the spot.

Every test works on the columns `extra` and `other`, which are taken away again afterwards.
"""

import importlib
import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections, models
from django.db.migrations import AddField, Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter
from django.test import override_settings

from nullstore.databases import ALIASES
from nullstore.replication.fence import wait_until_replicated
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT, copies, wait_for
from tests.servers import Pair

ROOT = Path(__file__).resolve().parents[3]
APPS = {"erebus": "erebus_app", "agents": "agents_app"}
BASE = {"erebus": "0003_replication", "agents": "0005_replication"}
#: Names of the databases of these tests, on the servers of the test run.
NAMES = {alias: f"changing_{alias}" for alias in ALIASES}
COLUMNS = ("extra", "other")


class Changes:
    """Migrations of both apps in a folder of their own, that of the project copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules = {APPS[alias]: f"{folder.name}.{alias}" for alias in ALIASES}
        for alias in ALIASES:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / APPS[alias] / "migrations", folder / alias, ignore=ignore)
        self._last = dict(BASE)
        for alias in ALIASES:
            later = [path for path in (folder / alias).glob("0*.py") if path.stem > BASE[alias]]
            for path in later:
                path.unlink()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Both aliases lead to the databases of these tests, and Django finds these migrations."""
        before = {alias: connections[alias].settings_dict["NAME"] for alias in ALIASES}
        sys.path.insert(0, str(self.folder.parent))
        try:
            _point_at(NAMES)
            with override_settings(MIGRATION_MODULES=self.modules):
                yield
        finally:
            _point_at(before)
            sys.path.remove(str(self.folder.parent))

    def write(self, alias: str, *operations: Operation, name: str = "change") -> str:
        """Add a migration after the last one; return its name."""
        number = int(self._last[alias][:4]) + 1
        migration = Migration(f"{number:04}_{name}", APPS[alias])
        migration.operations = list(operations)
        migration.dependencies = [(APPS[alias], self._last[alias])]
        path = self.folder / alias / f"{migration.name}.py"
        path.write_text(MigrationWriter(migration).as_string())
        importlib.invalidate_caches()
        self._last[alias] = migration.name
        return str(migration.name)

    def both(self, *operations: Operation, name: str = "change") -> dict[str, str]:
        """Add the same migration to both apps; return its names."""
        return {alias: self.write(alias, *operations, name=name) for alias in ALIASES}

    def had(self, field: models.Field) -> None:
        """Have both tables with the column `extra`, by migrations: what was there before the test."""
        names = self.both(AddField("userreference", "extra", field), name="before")
        for alias in ("agents", "erebus"):
            MigrationExecutor(connections[alias]).migrate([(APPS[alias], names[alias])])

    def forget(self) -> None:
        """Remove what was written."""
        for alias in ALIASES:
            self._last[alias] = BASE[alias]
            for path in (self.folder / alias).glob("0*.py"):
                if path.stem > BASE[alias]:
                    path.unlink()
                    sys.modules.pop(f"{self.folder.name}.{alias}.{path.stem}", None)


def migrate(*arguments: str, **options: Any) -> str:
    """Run migrate in this process; return what it printed."""
    out = io.StringIO()
    call_command("migrate", *arguments, stdout=out, **options)
    return out.getvalue()


def columns(alias: str) -> dict[str, tuple[str, bool]]:
    """Type and NOT NULL of the columns of user_references that these tests work on."""
    sql = EREBUS_SQL if alias == "erebus" else AGENTS_SQL
    found = sql.rows(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = 'user_references'::regclass AND attnum > 0 AND NOT attisdropped AND attname = ANY(%s)",
        [list(COLUMNS)],
    )
    return {name: (spelled, not_null) for name, spelled, not_null in found}


def recorded(alias: str) -> set[str]:
    """The migrations recorded in `alias`, of the app that is at home there."""
    sql = EREBUS_SQL if alias == "erebus" else AGENTS_SQL
    return {name for (name,) in sql.rows("SELECT name FROM django_migrations WHERE app = %s", [APPS[alias]])}


def state() -> list[Any]:
    """What a refusal must leave as it is."""
    return [(columns(alias), recorded(alias)) for alias in ALIASES]


def apply_errors() -> int:
    return int(AGENTS_SQL.value("SELECT coalesce(sum(apply_error_count), 0) FROM pg_stat_subscription_stats"))


def take_back() -> None:
    """Have both tables and the records of migrations as they were before the test, replication running."""
    EREBUS_SQL.run("DELETE FROM user_references")
    for column in COLUMNS:
        EREBUS_SQL.run(f"ALTER TABLE user_references DROP COLUMN IF EXISTS {column}")
    wait_until_replicated(TIMEOUT)
    for column in COLUMNS:
        AGENTS_SQL.run(f"ALTER TABLE user_references DROP COLUMN IF EXISTS {column}")
    for sql in (EREBUS_SQL, AGENTS_SQL):
        for alias in ALIASES:
            sql.run("DELETE FROM django_migrations WHERE app = %s AND name > %s", [APPS[alias], BASE[alias]])


def _point_at(names: dict[str, str]) -> None:
    for alias in ALIASES:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = names[alias]


def assert_equal_copies(*, more_than: int = -1) -> None:
    """Wait for replication; then both tables hold the same, and more rows than that."""
    wait_until_replicated(TIMEOUT)
    source, replica = copies()
    assert source == replica
    assert len(source) > more_than


def applied(changes: Changes, *operations: Any) -> dict[str, str]:
    """Apply a migration of each, then return the names of the last ones."""
    names: dict[str, str] = {}
    for number, operation in enumerate(operations):
        names = changes.both(operation, name=f"step_{number}")
        migrate(verbosity=0)
    return names


@contextmanager
def databases(pair: Pair, names: Sequence[str]) -> Iterator[None]:
    """Databases of these names in the servers of erebus and agents; with their subscription and slot, gone at the end.

    Other tests look at all slots of the server, and at who still needs the replication role.
    """
    servers = (pair.erebus, pair.agents)
    for server, name in zip(servers, names, strict=True):
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
    try:
        yield
    finally:
        _unsubscribe(pair, *names)
        for server, name in zip(servers, names, strict=True):
            with server.connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _unsubscribe(pair: Pair, source: str, replica: str) -> None:
    with pair.agents.connect(replica) as connection:
        for (name,) in connection.execute(
            "SELECT subname FROM pg_subscription JOIN pg_database ON subdbid = pg_database.oid "
            "WHERE datname = current_database()"
        ).fetchall():
            connection.execute(f"ALTER SUBSCRIPTION {name} DISABLE")
            connection.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
            connection.execute(f"DROP SUBSCRIPTION {name}")
    slots = "FROM pg_replication_slots WHERE database = current_database()"
    with pair.erebus.connect(source) as connection:
        wait_for(lambda: connection.execute(f"SELECT count(*) {slots} AND active").fetchone() == (0,))
        connection.execute(f"SELECT pg_drop_replication_slot(slot_name) {slots}")
