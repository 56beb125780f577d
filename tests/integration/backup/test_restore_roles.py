"""A restore onto servers that know neither the databases nor the roles: those of after a loss."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from pytest_django import Settings

from nullstore import conf
from nullstore.databases import ALIASES
from nullstore.replication.connect import connect
from nullstore.runtime.pair import ensure_runtime_roles
from tests.integration.backup.backups import backup, command, lose, nothing_left_behind, restore
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_user, assert_replicated, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")

WEB, WEB_PASSWORD = "web_of_the_lost", "password-of-the-web"
REPLICATOR, GUEST = "replicator_of_the_lost", "guest_of_the_lost"
SERVERS = {"erebus": EREBUS_SQL, "agents": AGENTS_SQL}


@pytest.fixture
def saved(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A backup of a pair whose roles no other database of the servers knows."""
    settings.OWNER_DATABASES = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}
    settings.RUNTIME_LOGINS = dict.fromkeys(ALIASES, (WEB, WEB_PASSWORD))
    before = conf.replication_role()
    settings.REPLICATION_ROLE = REPLICATOR
    command("replication", "resync", no_input=True)
    ensure_runtime_roles()
    AGENTS_SQL.run(f"CREATE ROLE {GUEST} NOLOGIN")
    AGENTS_SQL.run(f"GRANT SELECT ON agents TO {GUEST}")
    add_user("ann")
    wait_until_replicated(30)
    backup(tmp_path / "saved")
    try:
        yield tmp_path / "saved"
    finally:
        settings.REPLICATION_ROLE = before
        command("replication", "resync", no_input=True)
        drop_roles()


def drop_roles() -> None:
    """Drop the roles, and what the databases that are there grant them."""
    for alias in ALIASES:
        with closing(connect(alias, dbname="postgres")) as server:
            for role in (WEB, REPLICATOR, GUEST):
                if server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    disown(alias, role)
                    server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def disown(alias: str, role: str) -> None:
    connections.close_all()
    name = connections[alias].settings_dict["NAME"]
    with closing(connect(alias, dbname="postgres")) as server:
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            return
    with closing(connect(alias)) as own:
        own.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))


def test_the_web_process_and_the_subscription_log_in_again(saved: Path) -> None:
    with nothing_left_behind():
        for alias in ALIASES:
            lose(alias)
        drop_roles()
        done = restore(saved)
        assert done["verification"]["equal"]
        add_user("bob")
        assert_replicated(2)
        for alias in ALIASES:
            with closing(connect(alias, user=WEB, password=WEB_PASSWORD)) as web:
                assert web.execute("SELECT count(*) FROM user_references").fetchone() == (2,)
        web = connect("agents", user=WEB, password=WEB_PASSWORD)
        with closing(web), pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("DELETE FROM user_references")
        assert any(f"the role {GUEST} of agents" in step and "without login" in step for step in done["done"])
        assert AGENTS_SQL.value("SELECT has_table_privilege(%s, 'agents', 'SELECT')", [GUEST])
        assert WEB_PASSWORD not in str(done)


def test_of_a_pair_whose_web_process_has_another_role(saved: Path, settings: Settings) -> None:
    settings.RUNTIME_LOGINS = dict.fromkeys(ALIASES, (GUEST + "_web", WEB_PASSWORD))
    with nothing_left_behind():
        restore(saved)
        for alias in ALIASES:
            with closing(connect(alias, user=f"{GUEST}_web", password=WEB_PASSWORD)) as web:
                assert web.execute("SELECT count(*) FROM user_references").fetchone() == (1,)
    for alias in ALIASES:
        disown(alias, f"{GUEST}_web")
        SERVERS[alias].run(f"DROP ROLE {GUEST}_web")
