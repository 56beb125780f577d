"""The triggers of erebus that keep time and keep what was written: the rules, broken with bare SQL."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.apps import apps

from tests.integration.erebus_rows import execute, get, insert, refusal, total

pytestmark = pytest.mark.django_db(databases=["erebus"])

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WITH_UPDATED_AT = {
    "user_references": "network = 'oauth'",
    "agent_api_keys": "usage_count = usage_count + 1",
    "crossroads_listings": "view_count = view_count + 1",
    "crossroads_reviews": "review_text = 'good'",
    "crossroads_deployments": "status = 'stopped'",
}


def test_every_table_with_updated_at_is_tried_here() -> None:
    tables = {
        model._meta.db_table
        for model in apps.get_app_config("erebus_app").get_models()
        for field in model._meta.local_fields
        if field.column == "updated_at"
    }

    assert tables == set(WITH_UPDATED_AT)


@pytest.mark.parametrize(("table", "change"), WITH_UPDATED_AT.items())
def test_an_update_moves_updated_at(table: str, change: str) -> None:
    row = insert(table, created_at=LONG_AGO, updated_at=LONG_AGO)
    other = insert(table, updated_at=LONG_AGO)
    (since,) = execute("SELECT now() AS now")

    execute(f"UPDATE {table} SET {change} WHERE id = %s", row["id"])

    assert get(table, row["id"])["updated_at"] >= since["now"]
    assert get(table, row["id"])["created_at"] == LONG_AGO
    assert get(table, other["id"])["updated_at"] == LONG_AGO


@pytest.mark.parametrize("table", WITH_UPDATED_AT)
def test_updated_at_is_never_before_created_at(table: str) -> None:
    """Both are the time of their statement: a long transaction writes no row that was changed before it was made."""
    row = insert(table)

    execute(f"UPDATE {table} SET updated_at = %s WHERE id = %s", LONG_AGO, row["id"])

    assert get(table, row["id"])["updated_at"] >= row["created_at"]


@pytest.mark.parametrize("setting", ["", "on", "1", "0"])
@pytest.mark.parametrize(
    "statement",
    ["TRUNCATE user_references CASCADE", "TRUNCATE crossroads_listings, wallets, sessions, user_references CASCADE"],
)
def test_truncate_of_the_users_is_refused(statement: str, setting: str) -> None:
    insert("user_references")
    execute("SELECT set_config('nullstore.maintenance', %s, true)", setting)

    said = refusal(execute, statement)

    assert (said.sqlstate, said.message_primary) == ("NS002", "TRUNCATE of public.user_references is refused")
    assert said.message_hint is not None
    assert said.message_hint.startswith("DELETE the rows instead: DELETE is replicated, TRUNCATE is not")
    assert total("user_references") == 1


def test_truncate_of_the_users_is_refused_for_replication_roles_too() -> None:
    execute("SET LOCAL session_replication_role = replica")

    assert refusal(execute, "TRUNCATE user_references CASCADE").sqlstate == "NS002"


def test_the_maintenance_setting_of_this_transaction_lets_an_owner_truncate() -> None:
    insert("wallets")
    execute("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)")

    execute("TRUNCATE user_references CASCADE")

    assert (total("user_references"), total("wallets")) == (0, 0)


def test_the_maintenance_setting_helps_nobody_but_an_owner() -> None:
    clerk = f"clerk_{uuid4().hex}"
    execute(f"CREATE ROLE {clerk}")
    execute(f"GRANT TRUNCATE ON user_references, wallets, sessions TO {clerk}")
    execute("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)")
    execute(f"SET LOCAL ROLE {clerk}")

    assert refusal(execute, "TRUNCATE user_references CASCADE").sqlstate == "NS002"


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE secret_access_log SET actor = 'nobody'", "UPDATE"),
        ("UPDATE secret_access_log SET actor = 'nobody' WHERE false", "UPDATE"),
        ("DELETE FROM secret_access_log", "DELETE"),
        ("TRUNCATE secret_access_log", "TRUNCATE"),
        (
            "INSERT INTO secret_access_log (id, api_key_id, agent_name, provider, action, actor) "
            "SELECT id, api_key_id, 'x', 'x', 'x', 'x' FROM secret_access_log "
            "ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
            "UPDATE",
        ),
    ],
)
def test_the_log_of_secrets_is_append_only(statement: str, what: str, role: str) -> None:
    entry = insert("secret_access_log")
    execute("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)")
    execute(f"SET LOCAL session_replication_role = {role}")

    said = refusal(execute, statement)

    assert said.sqlstate == "NS003"
    assert said.message_primary == f"{what} of public.secret_access_log is refused: it is append-only"
    assert said.message_hint == "INSERT another entry that sets the matter right; what was written stays."
    assert get("secret_access_log", entry["id"]) == entry
