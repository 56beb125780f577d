"""manage.py restore: each way of it ends with a pair that replicates and is equal."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import connections
from psycopg import sql

from nullstore.replication.connect import connect
from tests.integration.backup.backups import backup, command, lose, names, nothing_left_behind, restore, tasks, users
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    add_task,
    add_user,
    assert_replicated,
    migrate,
    wait_for,
    wait_until_replicated,
)

pytestmark = pytest.mark.usefixtures("committed_pair")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup of ann with a task and bob with one; since then, bob was deleted, and cid came with a task."""
    ann, bob = add_user("ann"), add_user("bob")
    wait_until_replicated(30)
    for name, user in (("of ann", ann), ("of bob", bob)):
        add_task(user, name=name)
    backup(tmp_path / "saved")
    EREBUS_SQL.run("DELETE FROM user_references WHERE source_identifier = 'bob'")
    cid = add_user("cid")
    wait_until_replicated(30)
    add_task(cid, name="of cid")
    return tmp_path / "saved"


def test_both(saved: Path) -> None:
    with nothing_left_behind():
        done = restore(saved)
        assert done["verification"]["equal"]
        assert done["tasks_without_user"] == 0
        assert users() == ["ann", "bob"]
        assert tasks() == [("of ann", "ann"), ("of bob", "bob")]
        add_user("dan")
        assert_replicated(3)
        assert all_slots() == [True]


def test_erebus_alone(saved: Path) -> None:
    with nothing_left_behind():
        done = restore(saved, database="erebus")
        assert users() == ["ann", "bob"]
        assert done["tasks_without_user"] == 1
        assert tasks() == [("of ann", "ann"), ("of bob", None), ("of cid", None)]
        add_user("dan")
        assert_replicated(3)


def test_agents_alone(saved: Path) -> None:
    with nothing_left_behind():
        done = restore(saved, database="agents")
        assert users() == ["ann", "cid"]
        assert done["tasks_without_user"] == 1
        assert tasks() == [("of ann", "ann"), ("of bob", None)]
        add_user("dan")
        assert_replicated(3)


@pytest.mark.parametrize("gone", [("erebus",), ("agents",), ("agents", "erebus")])
def test_onto_servers_without_the_databases(saved: Path, gone: tuple[str, ...]) -> None:
    with nothing_left_behind():
        for alias in gone:
            lose(alias)
        done = restore(saved)
        assert done["verification"]["equal"]
        assert set(done["kept"]) == {"erebus", "agents"} - set(gone)
        assert users() == ["ann", "bob"]
        assert tasks() == [("of ann", "ann"), ("of bob", "bob")]
        add_user("dan")
        assert_replicated(3)
        assert all_slots() == [True]


@pytest.mark.parametrize("alias", ["erebus", "agents"])
def test_in_the_place_of_a_database_that_lets_nobody_in(saved: Path, alias: str) -> None:
    """As one that is damaged. It is kept as it is, and dropped when asked for."""
    connections.close_all()
    with closing(connect(alias, dbname="postgres")) as server:
        with nothing_left_behind(), closed(server, connections[alias].settings_dict["NAME"]):
            restore(saved)
            assert_replicated(2)
        assert all_slots() == [True]


@contextmanager
def closed(server: psycopg.Connection, name: str) -> Iterator[None]:
    """Have the database let nobody in, whichever name it gets; a worker that is there already would stay."""
    row = server.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
    try:
        yield
    finally:
        server.execute("UPDATE pg_database SET datallowconn = true WHERE oid = %s", row)


def test_writes_to_the_replica_are_refused_afterwards(saved: Path) -> None:
    with nothing_left_behind():
        restore(saved)
        assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"
        assert EREBUS_SQL.refusal("TRUNCATE user_references CASCADE").sqlstate == "NS002"


def test_what_was_replaced_is_kept_and_can_be_dropped(saved: Path) -> None:
    with nothing_left_behind():
        kept = restore(saved)["kept"]
        with closing(connect("erebus", dbname=kept["erebus"])) as before:
            found = before.execute("SELECT source_identifier FROM user_references ORDER BY 1").fetchall()
        assert found == [("ann",), ("cid",)]
        assert len(names("erebus")) == len(names("agents")) == 2
        said = command("restore", drop_kept=True, dry_run=True)
        assert len(said["would_drop"]) == 2
        assert len(names("erebus")) == 2


def test_a_dry_run_changes_nothing(saved: Path) -> None:
    said = restore(saved, dry_run=True)
    assert any("user_references" in step or "agents" in step for step in said["would"])
    assert users() == ["ann", "cid"]
    assert names("erebus") == names("agents") == [""]


def test_an_earlier_backup_is_brought_to_the_migrations_of_today(saved: Path) -> None:
    """As it is with a backup that was made before an upgrade."""
    with nothing_left_behind():
        migrate("agents_app", "0007")
        migrate("erebus_app", "0004")
        older = saved.with_name("older")
        backup(older)
        migrate("erebus_app")
        migrate("agents_app")
        restore(older)
        assert AGENTS_SQL.value("SELECT max(name) FROM django_migrations WHERE app = 'agents_app'") >= "0008"
        assert_replicated(2)


def all_slots() -> list[bool]:
    """Whether somebody reads each slot of the server, those of other databases included."""
    found = EREBUS_SQL.rows("SELECT active FROM pg_replication_slots WHERE slot_name LIKE 'agents_user_sync%%'")
    return [active for (active,) in found]


def test_the_comments_of_the_databases_stay(saved: Path) -> None:
    name = connections["erebus"].settings_dict["NAME"]
    EREBUS_SQL.run(f"COMMENT ON DATABASE {name} IS 'users and money'")
    try:
        with nothing_left_behind():
            restore(saved)
            found = EREBUS_SQL.value(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
            )
            assert found == "users and money"
    finally:
        EREBUS_SQL.run(f"COMMENT ON DATABASE {name} IS NULL")


@pytest.mark.parametrize(
    "then", ["--resume", *(pytest.param(word, marks=pytest.mark.slow) for word in ("--abort", "the same"))]
)
def test_somebody_who_connects_meanwhile_costs_no_second_restore(saved: Path, then: str) -> None:
    with nothing_left_behind():
        with ThreadPoolExecutor() as pool:
            service = pool.submit(a_service_once_it_fills)
            with pytest.raises(CommandError, match=r"a service as postgres.*--resume, or --abort") as refused:
                restore(saved)
            service.result().close()
        assert refused.value.returncode == 1
        assert users() == ["ann", "cid"]
        add_user("dan")
        assert_replicated(3)
        filled = names("agents")
        match then:
            case "--resume":
                command("restore", resume=True)
            case "--abort":
                command("restore", abort=True)
            case _:
                assert "going on with it" in restore(saved)["done"][0]
        assert users() == (["ann", "cid", "dan"] if then == "--abort" else ["ann", "bob"])
        assert_replicated(len(users()))
        ids = {name.rpartition("_")[2] for name in names("agents") if name}
        assert ids <= {name.rpartition("_")[2] for name in filled}


def a_service_once_it_fills() -> psycopg.Connection:
    wait_for(lambda: len(names("agents")) > 1)
    return connect("agents", application_name="a service")


def test_owner_and_access_are_those_of_the_backup(saved: Path) -> None:
    name = connections["erebus"].settings_dict["NAME"]
    access = (
        "SELECT pg_get_userbyid(datdba), acl::text, datconnlimit FROM pg_database, unnest(datacl) AS acl "
        "WHERE datname = %s ORDER BY 2"
    )
    EREBUS_SQL.run("CREATE ROLE landlord CREATEDB NOLOGIN")
    EREBUS_SQL.run("CREATE ROLE guest NOLOGIN")
    try:
        EREBUS_SQL.run(f"ALTER DATABASE {name} OWNER TO landlord")
        EREBUS_SQL.run(f"ALTER DATABASE {name} CONNECTION LIMIT 77")
        EREBUS_SQL.run(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        EREBUS_SQL.run(f"GRANT CONNECT ON DATABASE {name} TO guest WITH GRANT OPTION")
        before = EREBUS_SQL.rows(access, [name])
        later = saved.with_name("later")
        backup(later)
        with nothing_left_behind():
            restore(later)
            assert EREBUS_SQL.rows(access, [name]) == before
    finally:
        EREBUS_SQL.run(f"REVOKE ALL ON DATABASE {name} FROM guest")
        EREBUS_SQL.run(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        EREBUS_SQL.run(f"ALTER DATABASE {name} OWNER TO postgres")
        EREBUS_SQL.run(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC")
        EREBUS_SQL.run("DROP ROLE landlord, guest")


def test_settings_and_rights_are_those_of_the_backup(saved: Path) -> None:
    """What belongs to a database and not to its rows: made again, with roles that were lost."""
    name = connections["agents"].settings_dict["NAME"]
    AGENTS_SQL.run("CREATE ROLE reader NOLOGIN")
    try:
        AGENTS_SQL.run("GRANT SELECT ON tasks TO reader")
        AGENTS_SQL.run(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
        later = saved.with_name("later")
        backup(later)
        AGENTS_SQL.run("REVOKE ALL ON tasks FROM reader")
        AGENTS_SQL.run("DROP ROLE reader")
        with nothing_left_behind():
            restore(later)
            assert AGENTS_SQL.value("SELECT has_table_privilege('reader', 'tasks', 'SELECT')")
            assert AGENTS_SQL.value("SHOW search_path") == "public, pg_catalog"
            AGENTS_SQL.run("REVOKE ALL ON tasks FROM reader")
            AGENTS_SQL.run(f"ALTER DATABASE {name} RESET search_path")
    finally:
        AGENTS_SQL.run("DROP ROLE reader")
