"""manage.py ensure_runtime_role, as a script calls it: exit codes, --dry-run and --json."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from django.db import connections

from nullstore.databases import ALIASES
from tests.integration import test_commands
from tests.integration.baresql import BareSQL
from tests.integration.runtime_roles import PASSWORD, ROLES, ensure
from tests.servers import url

pytestmark = pytest.mark.usefixtures("committed_pair")

NEW = "walker_to_be"


@pytest.fixture(autouse=True)
def roles(committed_pair: None) -> Iterator[None]:
    for alias in ALIASES:
        ensure(alias)
    yield
    for alias in ALIASES:
        ensure(alias)


def run(*arguments: str, role: str | None = None, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    environment = {}
    for alias in ALIASES:
        place = connections[alias].settings_dict
        address = f"{place['HOST']}:{place['PORT']}/{place['NAME']}"
        environment[f"{alias.upper()}_DATABASE_URL"] = f"postgres://{role or ROLES[alias]}:{password}@{address}"
        environment[f"{alias.upper()}_OWNER_URL"] = url(place["PORT"], place["NAME"])
    done = test_commands.run("ensure_runtime_role", *arguments, **environment)
    assert "Traceback" not in done.stderr
    assert password not in done.stdout + done.stderr
    return done


def test_0_there_is_nothing_to_do() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{alias}: the role {role} has exactly its rights." for alias, role in ROLES.items()
    ]


def test_1_something_would_change_and_a_dry_run_changes_nothing() -> None:
    BareSQL("agents").run(f"REVOKE SELECT ON tasks FROM {ROLES['agents']}")
    for _ in range(2):
        done = run("--dry-run")
        assert done.returncode == 1, done.stderr
        assert "agents: would be granted: SELECT on table tasks" in done.stdout
    done = run("--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["agents"]["granted"] == ["SELECT on table tasks"]
    assert run("--dry-run").returncode == 0


def test_1_a_role_that_is_missing_would_be_made() -> None:
    done = run("--dry-run", "--json", role=NEW)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert {alias: found[alias]["made"] for alias in ALIASES} == {"erebus": True, "agents": True}
    assert BareSQL("erebus").value("SELECT count(*) FROM pg_roles WHERE rolname = %s", [NEW]) == 0


def test_a_role_is_made_and_logs_in_with_its_password() -> None:
    try:
        done = run(role=NEW, password="made-by-the-command")
        assert done.returncode == 0, done.stderr
        assert f"erebus: the role {NEW} made." in done.stdout
        assert "erebus: granted: SELECT on table wallets" in done.stdout
        assert run("--dry-run", role=NEW, password="made-by-the-command").returncode == 0
        stored = BareSQL("erebus").value("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [NEW])
        assert stored.startswith("SCRAM-SHA-256$")
    finally:
        for alias in ALIASES:
            BareSQL(alias).run(f"DROP OWNED BY {NEW}")
            BareSQL(alias).run(f"DROP ROLE {NEW}")


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--json",)])
def test_2_a_superuser_is_no_runtime_role(options: tuple[str, ...]) -> None:
    sql, role = BareSQL("agents"), ROLES["agents"]
    sql.run(f"ALTER ROLE {role} SUPERUSER")
    try:
        done = run(*options)
    finally:
        sql.run(f"ALTER ROLE {role} NOSUPERUSER")
    assert done.returncode == 2
    assert f"{role} is SUPERUSER" in done.stdout


def test_2_another_password_is_told_of() -> None:
    done = run(password="another-than-it-has")
    assert done.returncode == 2
    assert "with another password than EREBUS_DATABASE_URL has" in done.stderr


def test_0_where_the_owner_is_the_runtime_role() -> None:
    done = test_commands.run("ensure_runtime_role")
    assert done.returncode == 0
    assert "no runtime role of its own" in done.stdout
