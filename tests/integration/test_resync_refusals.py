"""Where manage.py replication resync refuses, fails or has to wait: nothing is lost, and it says what to do."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from nullstore.replication.compare import runs
from nullstore.replication.connect import connect
from tests.integration.replicas import AGENTS_SQL, add_user, slots, wait_for
from tests.integration.test_resync import assert_mended, behind_the_guard, resync, three_users

__all__ = ["three_users"]  # an autouse fixture


def test_without_a_terminal_it_does_not_ask() -> None:
    with pytest.raises(CommandError, match=r"resync asks first, and there is no terminal: add --no-input") as refusal:
        call_command("replication", "resync", stdout=io.StringIO())
    assert refusal.value.returncode == 2


def test_what_only_somebody_else_can_mend_is_said_before_anything_is_touched() -> None:
    behind_the_guard("ALTER TABLE user_references DROP COLUMN email")
    before = slots()
    try:
        for how in ([], ["--dry-run"]):
            with pytest.raises(
                CommandError, match=r"lacks the column email .*ADD COLUMN email character varying\(255\)"
            ):
                resync(*how)
        assert slots() == before
    finally:
        AGENTS_SQL.run("ALTER TABLE public.user_references ADD COLUMN email character varying(255)")
    resync()
    assert_mended(3)


def test_a_row_that_the_replica_refuses_is_an_error_that_names_the_constraint() -> None:
    AGENTS_SQL.run("ALTER TABLE user_references ADD CONSTRAINT byhand CHECK (source_identifier <> 'broken')")
    try:
        add_user("broken")
        with pytest.raises(CommandError, match="byhand") as refusal:
            resync()
        assert refusal.value.returncode == 2
    finally:
        AGENTS_SQL.run("ALTER TABLE user_references DROP CONSTRAINT byhand")
    resync()
    assert_mended(4)


def test_what_fails_leaves_the_subscription_as_it_was(settings: Settings) -> None:
    settings.NULLSTORE_SLOT_TIMEOUT = 1.0
    before = AGENTS_SQL.rows("SELECT oid, subenabled, subslotname FROM pg_subscription")
    with connect("erebus") as writer:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO user_references (source_identifier, network) VALUES ('open', 'email')")
        with pytest.raises(CommandError, match="could not be made on erebus within 1 s"):
            resync("--anew")
        writer.execute("ROLLBACK")
    assert AGENTS_SQL.rows("SELECT oid, subenabled, subslotname FROM pg_subscription") == before
    assert_mended(3)


def test_an_error_shows_no_row() -> None:
    AGENTS_SQL.run("ALTER TABLE user_references ADD CONSTRAINT byhand CHECK (source_identifier <> 'private name')")
    try:
        add_user("private name")
        with pytest.raises(CommandError, match="byhand") as refusal:
            resync()
        assert "private" not in str(refusal.value)
        assert AGENTS_SQL.rows("SELECT subenabled FROM pg_subscription") == [(True,)]
    finally:
        AGENTS_SQL.run("ALTER TABLE user_references DROP CONSTRAINT byhand")
    assert_mended(4)


def test_it_waits_for_a_verification_that_is_under_way() -> None:
    key = runs._KEY
    with connect("erebus") as other, ThreadPoolExecutor() as pool:
        other.execute("SELECT pg_advisory_lock(%s)", [key])
        asked = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()"
        )

        def let_go() -> None:
            with connect("erebus") as observer:
                wait_for(lambda: observer.execute(asked).fetchone() != (0,))
            other.execute("SELECT pg_advisory_unlock(%s)", [key])

        done = pool.submit(let_go)
        assert resync()["verification"]["equal"]
        done.result()
