"""manage.py replication status as people and machines meet it, and servers that do not answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from nullstore.databases import AGENTS, EREBUS
from nullstore.localdb.server import LocalServer
from nullstore.replication.health import Verdict, health
from tests.integration.looks import codes, look, only_problem
from tests.integration.outages import FrozenAfterLogin, hang_up
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_user, wait_for, wait_until_replicated
from tests.servers import FAST, PASSWORD, Pair, free_ports

ROOT = Path(__file__).parents[2]
DISABLE, ENABLE = (f"ALTER SUBSCRIPTION agents_user_sync {action}" for action in ("DISABLE", "ENABLE"))


@pytest.fixture
def disabled(committed_pair: None) -> Iterator[None]:
    AGENTS_SQL.run(DISABLE)
    wait_for(lambda: EREBUS_SQL.value("SELECT count(active_pid) FROM pg_replication_slots") == 0)
    try:
        yield
    finally:
        AGENTS_SQL.run(ENABLE)


def status(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("replication", "status", *options, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.usefixtures("committed_pair")
class TestOfAHealthyPair:
    def test_the_first_line_has_verdict_ends_and_lag(self) -> None:
        wait_until_replicated(30)
        code, text = status()
        first, *facts = text.splitlines()
        ports = [connections[alias].settings_dict["PORT"] for alias in (EREBUS, AGENTS)]
        assert code == 0
        assert first.startswith(
            f"OK: erebus (127.0.0.1:{ports[0]}/test_erebus) -> agents (127.0.0.1:{ports[1]}/test_agents), "
        )
        assert " ms behind, " in first
        assert any(line.startswith("subscription  agents_user_sync: enabled, apply worker pid ") for line in facts)

    def test_check_prints_one_line(self) -> None:
        wait_until_replicated(30)
        code, text = status("--check")
        assert code == 0
        assert text.startswith("OK agents_user_sync: ")
        assert text.count("\n") == 1

    def test_json_has_what_the_page_of_it_says(self) -> None:
        wait_until_replicated(30)
        code, text = status("--json")
        found = json.loads(text)
        assert (code, found["verdict"], found["problems"], found["lag_is_at_least"]) == (0, "ok", [], False)
        assert found["publisher"]["publication"]["tables"] == ["user_references"]
        assert found["subscriber"]["tables"] == {"user_references": "r"}
        page = (ROOT / "docs/reference/status.md").read_text()
        assert [key for key in found if f"`{key}`" not in page] == []


class TestOfABrokenPair:
    def test_a_problem_has_seen_cause_and_fix(self, disabled: None) -> None:
        code, text = status()
        assert code == 2
        assert text.startswith("BROKEN: erebus ")
        assert "\n\nsubscription_disabled\n  seen   The subscription agents_user_sync is disabled" in text
        assert "\n  fix    manage.py replication enable\n" in text

    def test_check_names_the_first_problem_and_what_mends_it(self, disabled: None) -> None:
        code, text = status("--check")
        assert code == 2
        assert text.startswith("BROKEN subscription_disabled: The subscription agents_user_sync is disabled")
        assert text.endswith(". manage.py replication enable\n")

    def test_json(self, disabled: None) -> None:
        code, text = status("--json")
        found = json.loads(text)
        assert (code, found["verdict"]) == (2, "broken")
        assert [set(problem) for problem in found["problems"]] == [{"code", "seen", "cause", "fix"}]


def run_watch(*options: str) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        **{
            f"{alias.upper()}_DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(
                **connections[alias].settings_dict
            )
            for alias in (EREBUS, AGENTS)
        },
    }
    arguments = [sys.executable, "manage.py", "replication", "status", "--watch", "--interval", "0.1", *options]
    return subprocess.Popen(
        arguments, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_watch_prints_a_line_a_look_and_ends_quietly_on_ctrl_c(committed_pair: None) -> None:
    wait_until_replicated(30)
    with run_watch() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert [line.startswith("OK agents_user_sync: ") for line in lines] == [True, True]
    assert (process.returncode, errors) == (130, "")


Elsewhere = Callable[..., None]


@pytest.fixture
def elsewhere(committed_pair: None) -> Iterator[Elsewhere]:
    """Changes what the settings say of a database. Not monkeypatch: the pair is emptied after this, not before."""
    with pytest.MonkeyPatch.context() as patch:

        def change(alias: str, **settings: Any) -> None:
            for name, value in settings.items():
                patch.setitem(connections[alias].settings_dict, name, value)

        yield change


class TestOfServersThatDoNotAnswer:
    @pytest.mark.parametrize(("alias", "code"), [(EREBUS, "publisher_unreachable"), (AGENTS, "subscriber_unreachable")])
    def test_one_that_is_down(self, alias: str, code: str, elsewhere: Elsewhere) -> None:
        (port,) = free_ports(1)
        elsewhere(alias, PORT=port)
        problem = only_problem(code)
        assert f"{alias} at 127.0.0.1:{port}/test_{alias}: " in problem.seen
        assert "Connection refused" in problem.seen
        assert problem.fix == "manage.py localdb start"

    def test_both_that_are_down(self, elsewhere: Elsewhere) -> None:
        ports = free_ports(2)
        for alias, port in zip((EREBUS, AGENTS), ports, strict=True):
            elsewhere(alias, PORT=port)
        found = look()
        assert codes(found) == ["publisher_unreachable", "subscriber_unreachable"]
        assert (found.verdict, found.lag_bytes, found.lag_seconds) == ("broken", None, None)
        code, text = status("--json")
        assert (code, json.loads(text)["publisher"]["place"]) == (2, f"127.0.0.1:{ports[0]}/test_erebus")
        assert status()[0] == status("--check")[0] == 2

    @pytest.mark.parametrize(
        ("settings", "cause"),
        [
            ({"NAME": "renamed"}, "has no database of the name in EREBUS_DATABASE_URL: it was renamed or dropped"),
            ({"PASSWORD": "wrong"}, "refuses the login in EREBUS_DATABASE_URL"),
        ],
    )
    def test_one_that_answers_and_refuses(self, settings: dict[str, Any], cause: str, elsewhere: Elsewhere) -> None:
        elsewhere(EREBUS, **settings)
        assert cause in only_problem("publisher_unreachable").cause

    def test_one_that_takes_the_connection_and_says_nothing(
        self, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nullstore.replication.health.ends.CONNECT", 2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            elsewhere(EREBUS, PORT=silent.getsockname()[1])
            problem = only_problem("publisher_unreachable")
        assert "timeout" in problem.seen
        assert "frozen, overloaded or cut off" in problem.cause

    def test_one_that_dies_as_it_is_asked(self, elsewhere: Elsewhere) -> None:
        """It hangs up on the first connection and is gone for the second: as a server that was killed just now."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            elsewhere(AGENTS, PORT=listener.getsockname()[1])
            dying = threading.Thread(target=hang_up, args=[listener])
            dying.start()
            problem = only_problem("subscriber_unreachable")
            dying.join()
        assert problem.fix == "manage.py localdb start"

    def test_one_that_hangs_up_again_and_again(self, elsewhere: Elsewhere) -> None:
        """As a proxy does that has lost its server."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            elsewhere(AGENTS, PORT=listener.getsockname()[1])
            for _ in range(2):
                threading.Thread(target=hang_up, args=[listener, False], daemon=True).start()
            problem = only_problem("subscriber_unreachable")
        assert "frozen, overloaded or cut off" in problem.cause

    def test_one_that_freezes_after_the_login(self, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
        """The server's own timeouts do not help here: the connection is cut from this side."""
        monkeypatch.setattr("nullstore.replication.health.examine._LOOK", 1.0)
        with FrozenAfterLogin(int(connections[AGENTS].settings_dict["PORT"])) as proxy:
            elsewhere(AGENTS, PORT=proxy.port)
            started = time.monotonic()
            problem = only_problem("subscriber_unreachable")
            assert time.monotonic() - started < 10
        assert "frozen, overloaded or cut off" in problem.cause


def test_a_server_that_writes_too_little_wal(pair: Pair, committed_pair: None, elsewhere: Elsewhere) -> None:
    directory = pair.erebus.directory.parent / "too-little"
    (port,) = free_ports(1)
    server = LocalServer(
        directory=directory,
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=PASSWORD,
        databases=("erebus",),
        aliases=("erebus",),
        extra_settings={**FAST, "wal_level": "replica"},
    )
    server.start(pair.programs)
    try:
        elsewhere(EREBUS, PORT=port, NAME="erebus")
        found = look()
        assert codes(found)[0] == "wal_level"
        assert "wal_level is replica on erebus" in found.problems[0].seen
        assert found.problems[0].fix.startswith("erebus: ALTER SYSTEM SET wal_level = 'logical'; then restart")
    finally:
        server.stop("immediate")


@pytest.fixture
def ordinary_roles(elsewhere: Elsewhere) -> Iterator[str]:
    """Both ends logged in as a role that may log in and nothing else."""
    name, password = "watcher", "of-both-ends"
    for sql in (EREBUS_SQL, AGENTS_SQL):
        sql.run(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    before = {key: connections[AGENTS].settings_dict[key] for key in ("USER", "PASSWORD")}
    for alias in (EREBUS, AGENTS):
        elsewhere(alias, USER=name, PASSWORD=password)
    yield name
    for alias in (EREBUS, AGENTS):
        elsewhere(alias, **before)
    for sql in (EREBUS_SQL, AGENTS_SQL):
        sql.run(f"DROP OWNED BY {name}")
        sql.run(f"DROP ROLE {name}")


def test_an_ordinary_role_gets_a_verdict_and_is_told_what_it_cannot_see(ordinary_roles: str) -> None:
    add_user("user")
    found = look(5)
    assert (found.verdict, codes(found)) == ("ok", []), found.problems
    assert found.lag_seconds is not None
    grants = [unseen.grant for unseen in found.unseen if unseen.grant]
    assert len(grants) == 4
    assert "superuser" in " ".join(unseen.why for unseen in found.unseen)
    assert "not seen      the migrations applied in agents" in status()[1]
    for grant in grants:
        alias, _, statement = grant.partition(": ")
        {EREBUS: EREBUS_SQL, AGENTS: AGENTS_SQL}[alias].run(statement)
    assert [unseen.grant for unseen in look(5).unseen] == [""]


def test_an_ordinary_role_is_told_of_a_disabled_subscription(disabled: None, ordinary_roles: str) -> None:
    found = look()
    assert codes(found) == ["subscription_disabled"]
    assert any("GRANT pg_monitor TO" in unseen.grant for unseen in found.unseen)


def test_a_look_leaves_no_connection_and_no_thread_behind(committed_pair: None) -> None:
    before = threading.active_count()
    assert health().verdict is Verdict.OK
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'nullstore status'"
    wait_for(lambda: EREBUS_SQL.value(counted) == AGENTS_SQL.value(counted) == 0)
    wait_for(lambda: threading.active_count() == before)
