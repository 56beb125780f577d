"""rotate_keys while others write, lock and delete the same rows, and after it was killed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from erebus_app.models import AgentApiKey
from erebus_app.services import secrets
from erebus_app.services.secrets import count_by_key_id, rotate
from tests.integration.keyring import K1, K2, add_rows, all_under, secret_of, stored

pytestmark = pytest.mark.usefixtures("committed_erebus")

Rows = list[AgentApiKey]


@pytest.fixture
def rows(committed_erebus: None, settings: Settings) -> Rows:
    """Six rows under k1, by id; k2 is the first key now."""
    settings.FIELD_ENCRYPTION_KEYS = K1
    rows = add_rows(6)
    settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"
    with connections["erebus"].cursor() as cursor:
        cursor.execute("SET statement_timeout = '20s'")  # a wait that should not be is to fail, not to hang
    return rows


@pytest.fixture
def other(committed_erebus: None) -> Iterator[BaseDatabaseWrapper]:
    """Somebody else's connection."""
    connection = connections["erebus"].copy()
    yield connection
    connection.close()


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], Any]], None]:
    """Have something happen each time just before rotate() takes the named step."""

    def install(step: str, happen: Callable[[], Any]) -> None:
        real = getattr(secrets, step)

        def stepped(*args: Any) -> Any:
            happen()
            return real(*args)

        monkeypatch.setattr(secrets, step, stepped)

    return install


def names(rows: Rows) -> list[str]:
    return [row.agent_name for row in rows]


def encrypted(row: AgentApiKey, name: str) -> tuple[Any, bytes]:
    """The row's id and what to store there, under the present first key."""
    row.set_secret(secret_of(name))
    return row.pk, row.secret


def write(connection: BaseDatabaseWrapper, row: AgentApiKey, name: str) -> None:
    row_id, secret = encrypted(row, name)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agent_api_keys SET secret = %s WHERE id = %s", [secret, row_id])


def lock(connection: BaseDatabaseWrapper, row: AgentApiKey) -> None:
    connection.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM agent_api_keys WHERE id = %s FOR UPDATE", [row.pk])


def wait_until_somebody_waits() -> None:
    """Return once a backend of this database waits for a lock; fail after 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connections["erebus"].cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock')"
            )
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.02)
    pytest.fail("nobody waited for the locked row")


@pytest.mark.parametrize("step", ["_swap_free", "_swap_one"])
def test_a_secret_that_was_written_meanwhile_is_kept(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None], settings: Settings, step: str
) -> None:
    """The writer still runs with k1 first; it comes after the first read, then also after the second."""
    new = iter(("first", "second"))

    def write_under_k1() -> None:
        settings.FIELD_ENCRYPTION_KEYS = f"{K1},{K2}"
        if name := next(new, ""):
            write(other, rows[2], name)
        settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"

    between("_swap_free", write_under_k1)
    if step == "_swap_one":
        between("_swap_one", write_under_k1)
    report = rotate()
    last = "first" if step == "_swap_free" else "second"
    assert stored() == all_under("k2", names(rows)) | {rows[2].agent_name: ("k2", secret_of(last))}
    assert (report.rotated, report.exit_code, report.after) == (6, 0, {"k2": 6})


def test_a_secret_written_under_the_first_key_meanwhile_is_left_alone(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None]
) -> None:
    between("_swap_free", lambda: write(other, rows[0], "new"))
    assert rotate().rotated == 5
    assert AgentApiKey.objects.get(pk=rows[0].pk).secret == rows[0].secret


def test_other_columns_written_meanwhile_are_kept(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None]
) -> None:
    def count_use() -> None:
        with other.cursor() as cursor:
            cursor.execute("UPDATE agent_api_keys SET usage_count = usage_count + 1")

    between("_swap_free", count_use)
    assert rotate().rotated == 6
    assert set(AgentApiKey.objects.values_list("usage_count", flat=True)) == {1}


def test_a_row_deleted_meanwhile_is_no_problem(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None]
) -> None:
    def delete() -> None:
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM agent_api_keys WHERE id = %s", [rows[3].pk])

    between("_swap_free", delete)
    report = rotate()
    assert (report.rotated, report.exit_code) == (5, 0)
    assert stored() == all_under("k2", [name for name in names(rows) if name != rows[3].agent_name])


def test_a_row_written_again_and_again_is_given_up_and_named(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None], settings: Settings
) -> None:
    def write_under_k1() -> None:
        settings.FIELD_ENCRYPTION_KEYS = f"{K1},{K2}"
        write(other, rows[0], "again")
        settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"

    between("_swap_free", write_under_k1)
    between("_swap_one", write_under_k1)
    report = rotate()
    assert (report.rotated, report.exit_code, report.unused) == (5, 1, [])
    assert [(row.id, row.key_id) for row in report.busy.named] == [(str(rows[0].pk), "k1")]
    assert "changed by others" in report.busy.named[0].message


def test_a_locked_row_holds_up_no_other_and_is_named(rows: Rows, other: BaseDatabaseWrapper) -> None:
    lock(other, rows[1])
    report = rotate(lock_wait=0.05)
    assert (report.rotated, report.to_do, report.exit_code) == (5, 1, 1)
    assert str(rows[1].pk) in report.busy.named[0].message
    other.rollback()
    assert rotate(lock_wait=0.05).rotated == 1
    assert stored() == all_under("k2", names(rows))


def test_a_row_that_is_free_in_time_is_waited_for(
    rows: Rows, other: BaseDatabaseWrapper, between: Callable[..., None]
) -> None:
    lock(other, rows[1])
    between("_swap_one", other.rollback)
    assert rotate().rotated == 6


def test_nothing_is_lost_while_a_service_keeps_writing(rows: Rows, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = f"{K1},{K2}"
    versions = [encrypted(row, f"{row.agent_name}-{version}") for version in range(50) for row in rows]
    settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"

    def serve() -> None:
        for row_id, secret in versions:
            AgentApiKey.objects.filter(pk=row_id).update(secret=secret)
        connections["erebus"].close()

    service = threading.Thread(target=serve)
    service.start()
    rotated = 0
    while service.is_alive():
        rotated += rotate(batch_size=2).rotated
    rotated += rotate(batch_size=2).rotated
    assert rotated > len(rows)
    assert stored() == {name: ("k2", secret_of(f"{name}-49")) for name in names(rows)}


def test_two_runs_at_once_share_the_work(rows: Rows) -> None:
    reports = []

    def run() -> None:
        reports.append(rotate(batch_size=2))
        connections["erebus"].close()

    second = threading.Thread(target=run)
    second.start()
    first = rotate(batch_size=2)
    second.join(20)
    assert not second.is_alive()
    assert first.rotated + reports[0].rotated == 6
    assert stored() == all_under("k2", names(rows))


def test_a_killed_run_leaves_every_row_whole_and_is_gone_on_with(
    rows: Rows, other: BaseDatabaseWrapper, settings: Settings
) -> None:
    lock(other, rows[3])
    # It stops at the locked row, with the rows before it done and the rows after it not: there it is killed.
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connections["erebus"].settings_dict)
    environment = {"NULLSTORE_ENV_FILE": "", "DEBUG": "on", "FIELD_ENCRYPTION_KEYS": f"{K2},{K1}"}
    run = subprocess.Popen(
        [sys.executable, settings.BASE_DIR / "manage.py", "rotate_keys", "--batch-size", "1"],
        env={**os.environ, **environment, "EREBUS_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until_somebody_waits()
    finally:
        run.kill()
        run.communicate(timeout=20)
        other.rollback()
    assert count_by_key_id() == {"k1": 3, "k2": 3}
    assert {secret for _, secret in stored().values()} == {secret_of(name) for name in names(rows)}
    assert rotate().rotated == 3
    assert stored() == all_under("k2", names(rows))
