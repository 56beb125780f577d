"""Ten thousand users with tasks, backed up while services write, and restored in each way."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from nullstore.databases import AGENTS, EREBUS
from nullstore.replication.connect import connect
from tests.integration.backup.backups import backup, lose, nothing_left_behind, restore
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, wait_until_replicated

pytestmark = [pytest.mark.usefixtures("committed_pair"), pytest.mark.slow]
USERS = 10_000


def fill() -> None:
    EREBUS_SQL.run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'user-' || n, 'email' FROM generate_series(1, %s) AS n",
        [USERS],
    )
    wait_until_replicated(60)
    AGENTS_SQL.run("INSERT INTO tasks (name, user_id) SELECT 'of ' || source_identifier, id FROM user_references")


@contextmanager
def writers() -> Iterator[None]:
    """Services that make users with tasks, and delete users, for as long as the block lasts."""
    stop, begun, failed = threading.Event(), threading.Barrier(3), []

    def write() -> None:
        try:
            with closing(connect(EREBUS)) as erebus, closing(connect(AGENTS)) as agents:
                begun.wait(30)
                while not stop.is_set():
                    _one_more(erebus, agents, uuid.uuid4().hex)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []


def _one_more(erebus: psycopg.Connection, agents: psycopg.Connection, name: str) -> None:
    row = erebus.execute(
        "INSERT INTO user_references (source_identifier, network) VALUES (%s, 'email') RETURNING id", [name]
    ).fetchone()
    assert row is not None
    agents.execute("INSERT INTO tasks (name, user_id) VALUES (%s, %s)", [name, row[0]])
    erebus.execute(
        "DELETE FROM user_references WHERE id = (SELECT id FROM user_references "
        "WHERE source_identifier LIKE 'user-%%' LIMIT 1 FOR UPDATE SKIP LOCKED)"
    )


def assert_whole() -> None:
    """No user twice, and no task of a user who is not there."""
    assert EREBUS_SQL.value("SELECT count(*) - count(DISTINCT source_identifier) FROM user_references") == 0
    missing = AGENTS_SQL.value(
        "SELECT count(*) FROM tasks WHERE user_id IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM user_references AS u WHERE u.id = user_id)"
    )
    assert missing == 0


@pytest.mark.parametrize(
    ("database", "gone"),
    [(None, ()), ("erebus", ()), ("agents", ()), (None, ("agents", "erebus"))],
    ids=["both", "erebus", "agents", "both on empty servers"],
)
def test_every_way_ends_with_equal_copies(tmp_path: Path, database: str | None, gone: tuple[str, ...]) -> None:
    with nothing_left_behind():
        fill()
        with writers():
            said = backup(tmp_path / "saved")
        assert said["databases"]["erebus"]["rows"] >= USERS
        wait_until_replicated(60)
        users = EREBUS_SQL.value("SELECT count(*) FROM user_references")
        with writers():
            EREBUS_SQL.run("DELETE FROM user_references WHERE source_identifier LIKE 'user-%%1'")
        wait_until_replicated(60)
        for alias in gone:
            lose(alias)
        done = restore(tmp_path / "saved", **({"database": database} if database else {}))
        assert done["verification"]["equal"]
        assert_whole()
        if database == "agents":
            assert done["tasks_without_user"] > 0
            assert EREBUS_SQL.value("SELECT count(*) FROM user_references") < users
        else:
            assert EREBUS_SQL.value("SELECT count(*) FROM user_references WHERE source_identifier LIKE 'user-%%1'") > 0
        with writers():
            pass
        wait_until_replicated(60)
        assert_whole()
