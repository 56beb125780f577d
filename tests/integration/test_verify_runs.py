"""Comparisons are recorded, one at a time, however they end; and manage.py replication verify says what they found."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections

from nullstore.exceptions import ComparisonError, NullstoreError
from nullstore.replication.compare.verification import verify
from nullstore.replication.connect import connect
from tests.integration.damage import add_users, damage
from tests.integration.replicas import AGENTS_SQL, TIMEOUT, wait_for
from tests.servers import free_ports

pytestmark = pytest.mark.usefixtures("damaged_pair")


def runs() -> list[tuple[str, str, bool]]:
    """Who asked, what came out, and whether it has ended, oldest first."""
    return [
        (run.requested_by, run.state, run.finished_at is not None)
        for run in apps.get_model("erebus_app.VerificationRun").objects.order_by("id")
    ]


def last_result() -> Any:
    return apps.get_model("erebus_app.VerificationRun").objects.latest("id").result


@contextmanager
def locked_replica() -> Iterator[None]:
    """Have a session hold the replica's table, as a migration does, so that a comparison waits."""
    with connect("agents") as connection, connection.transaction():
        connection.execute("LOCK TABLE user_references IN ACCESS EXCLUSIVE MODE")
        yield


def waiting(connection: psycopg.Connection) -> list[int]:
    """The backends of agents that wait for the replica's table."""
    query = "SELECT pid FROM pg_locks WHERE relation = 'user_references'::regclass AND NOT granted"
    return [pid for (pid,) in connection.execute(query).fetchall()]


def test_a_run_is_recorded_with_who_asked_and_what_came_out() -> None:
    add_users(3)
    verification = verify(requested_by="the test")
    assert runs() == [("the test", "equal", True)]
    assert last_result() == json.loads(json.dumps(verification.as_json(20)))


def test_a_second_run_is_refused_at_once_with_who_runs_the_first() -> None:
    add_users(3)
    refusals: list[str] = []

    def second(_: str) -> None:
        with pytest.raises(ComparisonError) as caught:
            verify(requested_by="second")
        refusals.append(str(caught.value))

    assert verify(requested_by="first", progress=second).equal
    assert refusals
    assert "by first, since 20" in refusals[0]
    assert runs() == [("first", "equal", True)]


def test_a_run_that_was_killed_is_recorded_as_failed_by_the_next() -> None:
    model = apps.get_model("erebus_app.VerificationRun")
    model.objects.create(requested_by="killed", state="running")
    verify(requested_by="next")
    assert runs() == [("killed", "failed", True), ("next", "equal", True)]


def interrupt(connection: psycopg.Connection) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def terminate(connection: psycopg.Connection) -> None:
    for pid in waiting(connection):
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.mark.parametrize(
    ("act", "error", "recorded"),
    [(interrupt, KeyboardInterrupt, "interrupted"), (terminate, ComparisonError, "ended by a server")],
    ids=["Ctrl-C", "killed backend"],
)
@pytest.mark.parametrize("audit", [False, True], ids=["hash", "audit"])
def test_a_run_that_is_cut_off_is_recorded_and_leaves_nothing_running(
    act: Callable[[psycopg.Connection], None], error: type[BaseException], recorded: str, audit: bool
) -> None:
    add_users(3)
    with locked_replica(), connect("agents") as watch:

        def act_when_it_waits() -> None:
            wait_for(lambda: bool(waiting(watch)))
            act(watch)

        thread = threading.Thread(target=act_when_it_waits)
        thread.start()
        with pytest.raises(error):
            verify(audit=audit)
        thread.join(TIMEOUT)
        wait_for(lambda: not waiting(watch))
    assert [state for _, state, _ in runs()] == ["failed"]
    assert recorded in last_result()["error"]
    assert verify(audit=audit).equal


def test_a_failure_in_the_middle_of_reading_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tables are being read when a row is settled: nothing may wait for these readings to end."""
    damage(add_users(30))

    def fails(*_: object, **__: object) -> None:
        raise ComparisonError

    with monkeypatch.context() as patch:
        patch.setattr("nullstore.replication.compare.verification.settle", fails)
        with pytest.raises(ComparisonError):
            verify(audit=True)
    assert [state for _, state, _ in runs()] == ["failed"]
    assert verify().differing == 30


def test_a_server_that_is_down_is_named_and_the_run_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    with monkeypatch.context() as patch:
        connections["agents"].close()
        patch.setitem(connections["agents"].settings_dict, "PORT", str(port))
        with pytest.raises(NullstoreError, match=rf"{port}.*refused") as caught:
            verify(wait=False)
        assert caught.value.exit_code == 2
    connections["agents"].close()
    assert [state for _, state, _ in runs()] == ["failed"]


def test_a_role_without_rights_is_told(ordinary_role: str) -> None:
    with pytest.raises(ComparisonError, match="permission denied for table user_references"):
        verify(wait=False)
    assert [state for _, state, _ in runs()] == ["failed"]


def manage(*arguments: str, err: io.StringIO | None = None) -> tuple[int, str]:
    """Run manage.py replication verify; return its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command("replication", "verify", *arguments, stdout=out, stderr=err or io.StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_speaks_json_without_values_of_rows() -> None:
    add_users(30)
    damage_keys = {
        key for key, _, _ in damage([row[0] for row in AGENTS_SQL.rows("SELECT id::text FROM user_references")])
    }
    code, out = manage("--json", "--limit", "7")
    said = json.loads(out)
    assert code == 1
    assert {name: said[name] for name in ("equal", "source_rows", "replica_rows", "missing", "extra", "different")} == {
        "equal": False,
        "source_rows": 30,
        "replica_rows": 30,
        "missing": 10,
        "extra": 10,
        "different": 10,
    }
    assert len(said["rows"]) == 7
    assert {row["id"] for row in said["rows"]} < damage_keys
    assert "example.org" not in out
    assert "intruder" not in out


def test_the_command_repairs_and_exits_by_the_state_afterwards() -> None:
    damage(add_users(30))
    code, out = manage("--repair", "--dry-run")
    assert code == 1
    assert "Dry run, nothing was written; a repair would have inserted 10, deleted 10, updated 10." in out
    code, out = manage("--repair", "--no-input", "--limit", "3")
    assert code == 0
    assert "... and 27 more" in out
    assert "inserted 10, deleted 10, updated 10." in out
    assert "example.org" not in out
    assert manage()[0] == 0
    assert "equal" in manage("--audit")[1]
    assert [state for _, state, _ in runs()][:4] == ["different", "different", "different", "equal"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_repair_asks_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    damage(add_users(30))
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    asked = Terminal()
    assert manage("--repair", err=asked)[0] == 0
    assert "insert 10, delete 10, update 10? [y/N]" in asked.getvalue()
    assert verify().equal


@pytest.mark.parametrize("answer", ["n\n", "", "yellow\n"])
def test_without_a_yes_nothing_is_mended(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(add_users(30))
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(CommandError, match="Nothing was changed") as ended:
        manage("--repair", err=Terminal())
    assert ended.value.returncode == 1
    assert verify().differing == 30


def test_progress_is_shown_at_a_terminal_only() -> None:
    shown = Terminal()
    manage(err=shown)
    assert "waiting for the replica" in shown.getvalue()
    manage(err=(silent := io.StringIO()))
    assert silent.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repair"], "add --no-input"),
        (["--repair", "--as-is", "--no-input"], "manage.py replication resync"),
        (["--dry-run"], "go with --repair"),
        (["--limit", "-1"], "0 or more"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_asked(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        manage(*arguments)
    assert caught.value.returncode == 2
    assert runs() == []


def test_what_could_not_be_compared_ends_with_two(ordinary_role: str) -> None:
    with pytest.raises(CommandError, match="permission denied") as caught:
        manage("--as-is")
    assert caught.value.returncode == 2


def test_a_table_that_is_not_replicated_is_refused() -> None:
    with pytest.raises(ComparisonError, match=r"Not replicated: wallets\. Replicated are: user_references"):
        verify(tables=["wallets"])
