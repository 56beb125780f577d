"""A repair mends exactly the rows that differ, while writers and replication go on."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from django.apps import apps

from nullstore.exceptions import ComparisonError
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.mend import delete_rows, write_rows
from nullstore.replication.compare.repair import repair
from nullstore.replication.compare.results import Difference
from nullstore.replication.compare.settle import Finding, settle
from nullstore.replication.compare.shape import TablePair
from nullstore.replication.compare.tables import table_pairs
from nullstore.replication.compare.verification import verify
from nullstore.replication.connect import connect
from nullstore.replication.guard import LIFT_GUARD
from tests.integration.damage import add_users, behind_the_guard, damage, found, writing
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    TIMEOUT,
    add_task,
    add_user,
    copies,
    wait_until_replicated,
)
from tests.servers import PASSWORD

pytestmark = pytest.mark.usefixtures("damaged_pair")
MENDED = {"missing": 10, "extra": 10, "different": 10}


def row_versions() -> dict[str, str]:
    """Which transaction wrote each row of the replica: a row that was touched has another one."""
    return dict(AGENTS_SQL.rows("SELECT id::text, xmin::text FROM user_references"))


def assert_same_content() -> None:
    wait_until_replicated(TIMEOUT)
    source, replica = copies()
    assert source == replica


@pytest.mark.parametrize("audit", [False, True], ids=["hash", "audit"])
def test_exactly_the_rows_that_differ_are_mended_while_writers_go_on(audit: bool) -> None:
    keys = add_users(300)
    planted = damage(keys)
    touched = {key for key, _, _ in planted}
    before = row_versions()
    with writing():
        verification = verify(audit=audit)
        assert found(verification) == planted
        after = repair(verification)
    assert (after.equal, after.repaired, after.exit_code) == (True, MENDED, 0)
    assert_same_content()
    versions = row_versions()
    assert {key for key in keys if versions[key] != before.get(key)} == touched & set(keys)


def test_a_dry_run_counts_and_writes_nothing() -> None:
    planted = damage(add_users(30))
    before = row_versions()
    tried = repair(verify(), dry_run=True)
    assert (tried.repaired, tried.dry_run, tried.exit_code) == (MENDED, True, 1)
    assert row_versions() == before
    assert found(verify()) == planted


def test_big_rows_are_mended() -> None:
    keys = [str(add_user(name, metadata={"big": name * 500_000})) for name in ("ab", "cd")]
    wait_until_replicated(TIMEOUT)
    behind_the_guard("UPDATE user_references SET metadata = '{}' WHERE id = %s", [keys[0]])
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [keys[1]])
    assert repair(verify()).equal
    assert_same_content()


def test_tasks_of_users_that_are_removed_lose_them_and_others_keep_theirs() -> None:
    (kept,) = add_users(1)
    behind_the_guard("INSERT INTO user_references (source_identifier, network) VALUES ('intruder', 'email')")
    intruder = AGENTS_SQL.value("SELECT id FROM user_references WHERE source_identifier = 'intruder'")
    behind_the_guard("UPDATE user_references SET email = 'x@example.org' WHERE id = %s", [kept])
    tasks = {user: add_task(user) for user in (intruder, kept)}
    assert repair(verify()).repaired == {"missing": 0, "extra": 1, "different": 1}
    users = dict(AGENTS_SQL.rows("SELECT id, user_id::text FROM tasks"))
    assert users == {tasks[intruder]: None, tasks[kept]: kept}


def test_rows_that_have_become_equal_meanwhile_are_not_touched() -> None:
    changed, gone = add_users(2)
    behind_the_guard("UPDATE user_references SET email = 'x@example.org'")
    verification = verify()
    assert verification.different == 2
    EREBUS_SQL.run("UPDATE user_references SET email = 'y@example.org' WHERE id = %s", [changed])
    EREBUS_SQL.run("DELETE FROM user_references WHERE id = %s", [gone])
    wait_until_replicated(TIMEOUT)
    before = row_versions()
    after = repair(verification)
    assert (after.equal, after.repaired) == (True, {"missing": 0, "extra": 0, "different": 0})
    assert row_versions() == before


def proven(key: str, ends: Ends) -> tuple[TablePair, list[Finding]]:
    (pair,) = table_pairs(ends)
    return pair, settle(pair, ends, [key], wait_until_replicated, lock=True).findings


def test_an_extra_row_is_deleted_only_as_it_was_found() -> None:
    behind_the_guard("INSERT INTO user_references (source_identifier, network) VALUES ('intruder', 'email')")
    key = AGENTS_SQL.value("SELECT id::text FROM user_references")
    with Ends(writable=True) as ends:
        pair, findings = proven(key, ends)
        behind_the_guard("UPDATE user_references SET network = 'sms'")
        assert delete_rows(pair, ends, findings, wait_until_replicated) == 0
        pair, findings = proven(key, ends)
        assert delete_rows(pair, ends, findings, wait_until_replicated) == 1


def test_an_extra_row_that_the_source_has_by_now_is_not_deleted() -> None:
    insert = "INSERT INTO user_references (id, source_identifier, network) VALUES (%s, 'user', 'email')"
    key = "00000000-0000-4000-8000-000000000002"
    behind_the_guard(insert, [key])
    with Ends(writable=True) as ends:
        pair, findings = proven(key, ends)
        EREBUS_SQL.run(insert, [key])  # replication stops at it; what then belongs there is not for a repair to say
        assert delete_rows(pair, ends, findings, lambda: None) == 0
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [key])
    wait_until_replicated(TIMEOUT)


def test_a_row_cannot_change_in_the_source_while_it_is_mended() -> None:
    (key,) = add_users(1)
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [key])
    refused = []

    def write_meanwhile() -> None:
        with (
            connect("erebus", options="-c lock_timeout=50ms") as other,
            pytest.raises(psycopg.errors.LockNotAvailable) as caught,
        ):
            other.execute("UPDATE user_references SET network = 'sms' WHERE id = %s", [key])
        refused.append(caught.value)

    with Ends(writable=True) as ends:
        (pair,) = table_pairs(ends)
        assert write_rows(pair, ends, [key], write_meanwhile) == {"missing": 1, "different": 0}
    assert len(refused) == 1
    assert_same_content()


@pytest.fixture
def locked_user(damaged_pair: None) -> Iterator[tuple[str, psycopg.Connection]]:
    """A user that somebody is changing in erebus and does not commit."""
    (key,) = add_users(1)
    behind_the_guard("UPDATE user_references SET email = 'x@example.org' WHERE id = %s", [key])
    with connect("erebus") as connection:
        connection.execute("BEGIN")
        connection.execute("UPDATE user_references SET network = 'sms' WHERE id = %s", [key])
        yield key, connection
        connection.execute("ROLLBACK")


def test_a_row_that_is_locked_is_left_and_said_so(locked_user: tuple[str, psycopg.Connection]) -> None:
    key, connection = locked_user
    other = add_user("other")
    wait_until_replicated(TIMEOUT)
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [other])
    after = repair(verify())
    assert found(after) == {(key, "different", ("email",))}
    assert (after.exit_code, after.repaired) == (1, {"missing": 1, "extra": 0, "different": 0})
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    assert repair(verify()).equal
    assert_same_content()


def test_what_was_only_compared_as_it_stands_is_not_mended() -> None:
    damage(add_users(30))
    with pytest.raises(ComparisonError, match=r"manage\.py replication resync"):
        repair(verify(wait=False))


def test_where_too_much_differs_to_be_named_a_resync_is_the_way() -> None:
    damage(add_users(30))
    verification = verify()
    with pytest.raises(ComparisonError, match=r"30 rows differ.*manage\.py replication resync"):
        repair(replace(verification, differences=verification.differences[:5]))


def test_apply_that_is_stopped_by_a_conflict_is_named_and_what_mends_it() -> None:
    (key,) = add_users(1)
    behind_the_guard("UPDATE user_references SET email = 'x@example.org' WHERE id = %s", [key])
    verification = verify()
    intruder = "INSERT INTO user_references (id, source_identifier, network) VALUES (%s, 'conflict', 'email')"
    conflict = "00000000-0000-4000-8000-000000000001"
    behind_the_guard(intruder, [conflict])
    EREBUS_SQL.run(intruder, [conflict])
    with pytest.raises(ComparisonError, match=r"does not follow erebus.*manage\.py replication resync"):
        repair(verification, timeout=0.5)
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [conflict])
    assert repair(verify(timeout=TIMEOUT)).equal
    assert_same_content()


@pytest.fixture
def writer_role(ordinary_role: str) -> Iterator[str]:
    """That role, with every right on the replica but ownership."""
    with connect("agents", user="postgres", password=PASSWORD) as owner:
        owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON user_references TO {ordinary_role}")
        owner.execute(f"GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean) TO {ordinary_role}")
        yield ordinary_role
        owner.execute(f"DROP OWNED BY {ordinary_role}")


def test_who_does_not_own_the_replica_mends_nothing(writer_role: str) -> None:
    key = add_user("user")
    verification = verify(timeout=TIMEOUT)
    assert verification.equal
    missing = Difference("user_references", str(key), "different", ("email",))
    with connect("agents", user="postgres", password=PASSWORD) as owner, owner.transaction():
        owner.execute(LIFT_GUARD)
        owner.execute("UPDATE user_references SET email = 'x@example.org'")
    with pytest.raises(ComparisonError, match="on user_references refused"):
        repair(replace(verification, different=1, differences=(missing,)))
    assert apps.get_model("erebus_app.VerificationRun").objects.latest("id").state == "failed"
