"""Django's commands with two databases and no default one, and those of ours that set a machine up."""

import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections

from nullstore.defaults import SECRET_KEY
from nullstore.replication.lock import alone
from tests.integration.replicas import AGENTS_SQL, wait_for
from tests.servers import FAST, Pair, free_ports, running_pair, url

ROOT = Path(__file__).resolve().parents[2]
both = pytest.mark.django_db(databases=["erebus", "agents"])


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as a person does, with the test databases."""
    names = {
        f"{alias.upper()}_DATABASE_URL": url(
            connections[alias].settings_dict["PORT"], connections[alias].settings_dict["NAME"]
        )
        for alias in ("erebus", "agents")
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **names, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def user_with(name: str, password: str) -> Any:
    """The account of that name, if that is its password; not by authenticate(), which wants somebody's request."""
    user = get_user_model().objects.get(username=name)
    assert user.check_password(password)
    return user


def applied(alias: str) -> set[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations")
        return {name for (name,) in cursor.fetchall()}


@both
def test_each_database_has_its_own_tables_only() -> None:
    tables = {}
    for alias in ("erebus", "agents"):
        with connections[alias].cursor() as cursor:
            tables[alias] = set(connections[alias].introspection.table_names(cursor))
    assert tables["erebus"] & tables["agents"] == {"django_migrations", "user_references"}
    assert {"auth_user", "wallets", "django_admin_log"} <= tables["erebus"]
    assert tables["agents"] == {
        "agents",
        "django_migrations",
        "engram_history",
        "engrams",
        "ops_actions",
        "task_transitions",
        "tasks",
        "user_references",
    }


@both
@pytest.mark.parametrize("arguments", [[], ["--database=erebus"], ["--database=agents"], ["agents_app"]])
def test_migrate_again_has_nothing_to_do(arguments: list[str]) -> None:
    out = io.StringIO()
    call_command("migrate", *arguments, stdout=out)
    assert out.getvalue().count("No migrations to apply") == (1 if arguments else 2)


@both
def test_migrate_without_a_database_goes_to_erebus_first() -> None:
    out = io.StringIO()
    call_command("migrate", plan=True, stdout=out)
    assert out.getvalue().index("Database erebus") < out.getvalue().index("Database agents")


@pytest.mark.usefixtures("committed_pair")
def test_migrate_check_looks_at_both_databases() -> None:
    assert run("migrate", "--check").returncode == 0
    name = "0005_replication"
    with connections["agents"].cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = %s RETURNING app, applied", [name])
        ((app, when),) = [row for row in cursor.fetchall() if row[0] == "agents_app"]
        assert run("migrate", "--check").returncode == 1
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", [app, name, when])


@both
def test_migrate_of_an_unknown_app_is_a_clear_error() -> None:
    with pytest.raises(CommandError, match="No installed app with label 'nobody'"):
        call_command("migrate", "nobody")


@both
def test_showmigrations_shows_both_databases(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("showmigrations", "agents_app")
    out = capsys.readouterr().out
    assert "Database erebus:" in out
    assert "Database agents:" in out
    assert "[X] 0005_replication" in out


@both
@pytest.mark.parametrize(("app_label", "table"), [("erebus_app", "wallets"), ("agents_app", "engrams")])
def test_sqlmigrate_shows_the_sql_of_the_apps_home(
    app_label: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("sqlmigrate", app_label, "0001")
    assert f'CREATE TABLE "{table}"' in capsys.readouterr().out


@both
def test_createsuperuser_and_changepassword_act_on_erebus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", username="ada", email="ada@example.com", interactive=False, verbosity=0)
    assert get_user_model().objects.using("erebus").get(username="ada").is_superuser
    monkeypatch.setattr("getpass.getpass", lambda **_: "staple orange seven")
    call_command("changepassword", "ada", stdout=io.StringIO())
    assert user_with("ada", "staple orange seven")


@pytest.mark.usefixtures("committed_pair")
@pytest.mark.parametrize(
    "command",
    [
        "dbshell",
        "dumpdata",
        "flush",
        "inspectdb",
        "sqlflush",
        "createcachetable x",
        "sqlsequencereset auth",
        "loaddata tests/fixtures/group.json",
    ],
)
def test_commands_that_would_fall_on_the_default_say_which_databases_there_are(command: str) -> None:
    extra = ["--no-input"] if command == "flush" else []
    done = run(*command.split(), *extra)
    assert done.returncode != 0
    assert "--database=erebus or --database=agents" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("committed_pair")
def test_flush_of_erebus_says_why_the_database_refuses_it() -> None:
    done = run("flush", "--database=erebus", "--no-input")
    assert done.returncode != 0
    # Of user_references or of an append-only table: Django names them all, in no certain order.
    assert re.search(r"TRUNCATE of public\.\w+ is refused", done.stderr)
    assert "HINT" in done.stderr


@pytest.mark.usefixtures("committed_pair")
@pytest.mark.parametrize("arguments", [["migrate"], ["replication", "ping"], ["createsuperuser", "--no-input"]])
def test_a_dead_server_is_named_without_a_traceback(arguments: list[str]) -> None:
    (port,) = free_ports(1)
    done = run(
        *arguments,
        EREBUS_DATABASE_URL=url(port, "erebus"),
        DJANGO_SUPERUSER_USERNAME="ada",
        DJANGO_SUPERUSER_EMAIL="ada@example.com",
        DJANGO_SUPERUSER_PASSWORD="correct horse battery",
    )
    assert done.returncode == 2
    assert f"No answer from erebus at 127.0.0.1:{port}" in done.stderr
    assert "manage.py localdb start" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("committed_pair")
def test_a_wrong_url_is_named_without_a_traceback() -> None:
    done = run("check", EREBUS_DATABASE_URL="postgres://u:se#cret@127.0.0.1:5440/erebus")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: EREBUS_DATABASE_URL is not of the form")
    assert "cret" not in done.stderr.replace("secret", "")


@pytest.mark.usefixtures("committed_pair")
def test_default_secrets_stop_migrate_outside_debug() -> None:
    done = run("migrate", SECRET_KEY=SECRET_KEY, DEBUG="off")
    assert done.returncode != 0
    assert "SECRET_KEY has its published default" in done.stderr
    assert run("migrate", SECRET_KEY=SECRET_KEY, DEBUG="on").returncode == 0


def test_a_source_that_cannot_publish_is_told_what_to_change() -> None:
    with running_pair(free_ports(2), {**FAST, "wal_level": "replica"}) as pair:
        ours = {
            "EREBUS_DATABASE_URL": url(pair.erebus.port, "erebus"),
            "AGENTS_DATABASE_URL": url(pair.agents.port, "agents"),
        }
        done = run("migrate", **ours)
    assert done.returncode == 2
    assert "Set wal_level = logical on its server" in done.stderr
    assert "Traceback" not in done.stderr


@both
def test_ensure_admin_prints_a_generated_password_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    first, second = io.StringIO(), io.StringIO()
    call_command("ensure_admin", stdout=first)
    password = first.getvalue().split("shown this once: ")[1].split()[0]
    user: Any = user_with("admin", password)
    assert user.is_superuser
    call_command("ensure_admin", stdout=second)
    assert second.getvalue() == "The superuser admin exists.\n"


@both
def test_ensure_admin_takes_a_given_password_and_does_not_print_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    get_user_model().objects.db_manager("erebus").create_user("ada")
    out = io.StringIO()
    call_command("ensure_admin", username="ada", stdout=out)
    assert "correct horse" not in out.getvalue()
    user: Any = user_with("ada", "correct horse battery")
    assert user.is_superuser


@pytest.mark.usefixtures("committed_pair")
@pytest.mark.parametrize("action", ["wait", "ping"])
def test_replication_commands_speak_json(action: str) -> None:
    done = run("replication", action, "--json", "--timeout=30")
    assert done.returncode == 0
    assert json.loads(done.stdout).keys() == {"seconds"}
    assert done.stderr == ""


@pytest.mark.usefixtures("committed_pair")
def test_replication_works_through_a_pool() -> None:
    assert run("replication", "ping", "--timeout=30", DATABASE_POOL_SIZE="2").returncode == 0


@pytest.mark.usefixtures("committed_pair")
def test_replication_that_does_not_come_is_not_yet() -> None:
    with connections["agents"].cursor() as cursor:
        cursor.execute("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        try:
            done = run("replication", "ping", "--timeout=0.2")
        finally:
            cursor.execute("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    assert done.returncode == 1
    assert "has not arrived in agents after" in done.stderr
    assert "its apply worker does not run" in done.stderr


@pytest.mark.usefixtures("committed_pair")
def test_both_databases_on_one_server_replicate_beside_another_pair(pair: Pair) -> None:
    """A small team's test machine. The other pair, of which the server has the source, is left as it is."""
    with pair.erebus.connect() as connection:
        for name in ("one_erebus", "one_agents"):
            connection.execute(f"CREATE DATABASE {name}")
        ours = {
            "EREBUS_DATABASE_URL": url(pair.erebus.port, "one_erebus"),
            "AGENTS_DATABASE_URL": url(pair.erebus.port, "one_agents"),
        }
        slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'agents_user_sync_%' AND active"
        done = run("migrate", **ours)
        assert done.returncode == 0, done.stderr
        assert run("replication", "wait", "--timeout=30", **ours).returncode == 0
        assert run("replication", "ping", "--timeout=30", **ours).returncode == 0
        assert connection.execute(slots).fetchone() == (2,)
        assert run("migrate", "agents_app", "zero", **ours).returncode == 0
        assert run("migrate", "erebus_app", "zero", **ours).returncode == 0
        assert connection.execute(slots).fetchone() == (1,)
        for name in ("one_erebus", "one_agents"):
            connection.execute(f"DROP DATABASE {name}")
    assert run("replication", "ping", "--timeout=30").returncode == 0


@pytest.mark.usefixtures("committed_pair")
def test_a_second_migrate_waits_for_the_first() -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor() as pool:
        with alone("agents", "migrate"):
            second = pool.submit(run, "migrate")
            wait_for(lambda: AGENTS_SQL.value(waits) == 1)
            assert run("migrate", "--plan").returncode == 0
            assert not second.done()
        assert second.result().returncode == 0
