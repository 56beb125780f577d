"""The comparison of the replica with its source finds what differs, all of it and nothing else."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connections

from nullstore.exceptions import ComparisonError
from nullstore.replication.compare import blocks
from nullstore.replication.compare.verification import verify
from tests.integration.damage import add_users, behind_the_guard, damage, found, writing
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT, add_user, wait_for, wait_until_replicated

pytestmark = pytest.mark.usefixtures("damaged_pair")
both_methods = pytest.mark.parametrize("audit", [False, True], ids=["hash", "audit"])


def last_run() -> Any:
    return apps.get_model("erebus_app.VerificationRun").objects.latest("id")


@both_methods
def test_what_was_done_behind_the_guard_is_found_while_writers_go_on(audit: bool) -> None:
    planted = damage(add_users(300))
    with writing():
        verification = verify(audit=audit)
    assert found(verification) == planted
    assert (verification.missing, verification.extra, verification.different, verification.changing) == (10, 10, 10, 0)
    assert verification.replica_rows == verification.source_rows
    assert (verification.equal, verification.exit_code, last_run().state) == (False, 1, "different")


def test_writers_alone_raise_no_alarm() -> None:
    add_users(300)
    with writing() as writer:
        for number in range(12):
            before = writer.writes
            verification = verify(audit=number % 3 == 0)
            assert found(verification) == set()
            assert verification.equal
            assert writer.writes > before
    assert last_run().state == "equal"


@both_methods
def test_a_missing_row_is_found_though_its_source_is_written_without_end(audit: bool) -> None:
    with writing() as writer:
        wait_for(lambda: writer.writes > 0)
        wait_until_replicated(TIMEOUT)
        hot = AGENTS_SQL.value("SELECT id::text FROM user_references WHERE source_identifier = 'hot'")
        behind_the_guard("DELETE FROM user_references WHERE id = %s", [hot])
        assert found(verify(audit=audit)) == {(hot, "missing", ())}


def test_many_rows_that_differ_are_divided_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where so much differs that reading it would take long, the blocks that differ are hashed in smaller ones."""
    planted = damage(add_users(300))
    monkeypatch.setattr(blocks, "_ROWS_TO_READ", 1)
    monkeypatch.setattr(blocks, "_BLOCKS", 4)
    monkeypatch.setattr(blocks, "_PARTS", 16)
    assert found(verify()) == planted


@both_methods
def test_two_rows_that_have_swapped_a_value_are_found(audit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCKS", 1)  # both in one block, where their changes could cancel out
    one, other = add_users(2)
    behind_the_guard(
        "UPDATE user_references AS u SET source_identifier = o.source_identifier FROM user_references AS o "
        "WHERE o.id <> u.id"
    )
    expected = {(key, "different", ("source_identifier",)) for key in (one, other)}
    assert found(verify(audit=audit)) == expected


SUBTLE = {
    "scale of a number in jsonb": ("metadata", """'{"n": 1.0}'""", """'{"n": 1.00}'"""),
    "a number and its text": ("metadata", """'{"n": 1}'""", """'{"n": "1"}'"""),
    "jsonb null and nothing": ("preferences", """'{"n": null}'""", "'{}'"),
    "NULL and empty": ("email", "NULL", "''"),
    "a space at the end": ("email", "'a@example.org'", "'a@example.org '"),
    "upper case": ("email", "'b@example.org'", "'B@example.org'"),
    "unicode normal forms": ("source_identifier", r"U&'caf\00E9'", r"U&'cafe\0301'"),
    "microseconds": ("created_at", "'2026-01-01 00:00:00.000001+00'", "'2026-01-01 00:00:00.000002+00'"),
    "infinity": ("updated_at", "'infinity'", "'-infinity'"),
    "a boolean": ("is_active", "true", "false"),
}


@both_methods
def test_subtle_differences_are_found_each_by_its_column(audit: bool) -> None:
    expected = set()
    for what, (column, value, other) in SUBTLE.items():
        key = add_user(what)
        # updated_at is set by a trigger.
        with_value = f"UPDATE user_references SET {column} = {value} WHERE id = '{key}'"
        EREBUS_SQL.run("SET session_replication_role = replica")
        EREBUS_SQL.run(with_value)
        EREBUS_SQL.run("RESET session_replication_role")
        wait_until_replicated(TIMEOUT)
        behind_the_guard(f"UPDATE user_references SET {column} = {other} WHERE id = '{key}'")
        expected.add((str(key), "different", (column,)))
    assert found(verify(audit=audit)) == expected


def test_the_order_of_keys_in_jsonb_is_no_difference() -> None:
    key = add_user("user", metadata={"a": 1, "b": [1, {"c": 2}]})
    wait_until_replicated(TIMEOUT)
    behind_the_guard("""UPDATE user_references SET metadata = '{"b": [1, {"c": 2}], "a": 1}' WHERE id = %s""", [key])
    assert verify().equal


@both_methods
def test_big_rows(audit: bool) -> None:
    keys = [add_user(name, metadata={"big": name * 500_000}) for name in ("ab", "cd")]
    wait_until_replicated(TIMEOUT)
    assert verify(audit=audit).equal
    behind_the_guard(
        """UPDATE user_references SET metadata = jsonb_set(metadata, '{big}', to_jsonb(metadata->>'big' || 'x'))
           WHERE id = %s""",
        [keys[1]],
    )
    assert found(verify(audit=audit)) == {(str(keys[1]), "different", ("metadata",))}


@both_methods
def test_empty_tables_are_equal(audit: bool) -> None:
    verification = verify(audit=audit)
    assert (verification.equal, verification.source_rows, verification.replica_rows) == (True, 0, 0)


@both_methods
def test_an_empty_replica_lacks_everything(audit: bool) -> None:
    keys = add_users(25)
    behind_the_guard("DELETE FROM user_references")
    verification = verify(audit=audit)
    assert found(verification) == {(key, "missing", ()) for key in keys}
    assert (verification.source_rows, verification.replica_rows) == (25, 0)


@pytest.fixture
def disabled(committed_pair: None) -> Any:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    yield
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    wait_until_replicated(TIMEOUT)


def test_a_replica_that_does_not_follow_is_compared_only_as_it_stands(disabled: None) -> None:
    user = add_user("late")
    with pytest.raises(ComparisonError, match=r"does not follow erebus.*replication status.*--as-is"):
        verify(timeout=0.3)
    assert last_run().state == "failed"
    assert "does not follow" in last_run().result["error"]
    verification = verify(wait=False)
    assert found(verification) == {(str(user), "missing", ())}
    assert not verification.waited


def test_columns_that_only_the_replica_has_are_named() -> None:
    add_users(3)
    AGENTS_SQL.run("ALTER TABLE user_references ADD COLUMN own text DEFAULT 'x'")
    try:
        verification = verify()
    finally:
        AGENTS_SQL.run("ALTER TABLE user_references DROP COLUMN own")
    assert (verification.equal, verification.not_compared) == (True, ("user_references.own",))


def test_a_column_that_the_replica_lacks_cannot_be_compared() -> None:
    EREBUS_SQL.run("ALTER TABLE user_references ADD COLUMN fresh text")
    try:
        with pytest.raises(ComparisonError, match=r"user_references of agents lacks .*: fresh.*manage.py migrate"):
            verify()
    finally:
        EREBUS_SQL.run("ALTER TABLE user_references DROP COLUMN fresh")
    assert last_run().state == "failed"


@both_methods
def test_columns_of_another_type_are_compared_by_what_replication_carries(audit: bool) -> None:
    keys = add_users(3)
    AGENTS_SQL.run("ALTER TABLE user_references ALTER network TYPE text, ALTER metadata TYPE text")
    try:
        assert verify(audit=audit).equal
        behind_the_guard("UPDATE user_references SET metadata = '{}' WHERE id = %s", [keys[0]])
        assert found(verify(audit=audit)) == {(keys[0], "different", ("metadata",))}
    finally:
        AGENTS_SQL.run(
            "ALTER TABLE user_references ALTER network TYPE varchar(50), ALTER metadata DROP DEFAULT, "
            "ALTER metadata TYPE jsonb USING metadata::jsonb, ALTER metadata SET DEFAULT '{}'"
        )


def test_counts_are_exact_where_rows_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = damage(add_users(300))
    monkeypatch.setattr("nullstore.replication.compare.results.KEPT", 5)
    verification = verify()
    assert (len(verification.differences), verification.differing) == (5, 30)
    assert found(verification) < planted


def test_the_text_forms_do_not_depend_on_the_settings_of_a_database(request: pytest.FixtureRequest) -> None:
    add_users(3)
    name = connections["agents"].settings_dict["NAME"]
    for setting in (
        "DateStyle = 'German'",
        "TimeZone = 'Asia/Tokyo'",
        "extra_float_digits = -5",
        "bytea_output = escape",
    ):
        AGENTS_SQL.run(f"ALTER DATABASE {name} SET {setting}")
    request.addfinalizer(lambda: AGENTS_SQL.run(f"ALTER DATABASE {name} RESET ALL"))
    assert verify().equal
    assert verify(audit=True).equal
