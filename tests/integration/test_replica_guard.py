"""Nobody writes the replica but replication: not with SQL of any kind, not as a superuser, not with the ORM."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.db import DatabaseError, connections, transaction

from agents_app.models import Task, UserReference
from nullstore.exceptions import ReplicaIsReadOnly
from nullstore.replication.guard import LIFT_GUARD
from tests.integration.replicas import AGENTS_SQL, TIMEOUT, add_user, assert_replicated, wait_until_replicated

A_ROW = "(source_identifier, network) VALUES ('intruder', 'email')"
WRITES = {
    "insert": f"INSERT INTO user_references {A_ROW}",
    "insert, on conflict": f"INSERT INTO user_references {A_ROW} ON CONFLICT (id) DO UPDATE SET network = 'x'",
    "update": "UPDATE user_references SET network = 'x'",
    "update of no row": "UPDATE user_references SET network = 'x' WHERE false",
    "delete": "DELETE FROM user_references",
    "truncate": "TRUNCATE user_references",
    "truncate cascade": "TRUNCATE user_references CASCADE",
    "merge": """MERGE INTO user_references AS u USING (SELECT 1) AS x ON false
                WHEN NOT MATCHED THEN INSERT (source_identifier, network) VALUES ('intruder', 'email')""",
    "writing with": f"WITH x AS (INSERT INTO user_references {A_ROW} RETURNING 1) SELECT * FROM x",
    "copy": "COPY user_references (source_identifier, network) FROM PROGRAM 'echo intruder,email' WITH (FORMAT csv)",
}
in_agents = pytest.mark.django_db(databases=["agents"])


@in_agents
@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_sql_is_refused_to_the_superuser(statement: str) -> None:
    assert AGENTS_SQL.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    refused = AGENTS_SQL.refusal(statement)
    assert refused.sqlstate == "NS001"
    assert "read-only copy of erebus.user_references" in (refused.message_primary or "")
    assert "Write erebus.user_references instead" in (refused.message_hint or "")


@in_agents
def test_the_hint_tells_how_the_owner_lifts_the_guard() -> None:
    hint = AGENTS_SQL.refusal("DELETE FROM user_references").message_hint
    assert hint is not None
    assert LIFT_GUARD in hint


@in_agents
@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_the_setting_lifts_the_guard_in_its_own_transaction(statement: str) -> None:
    AGENTS_SQL.run(LIFT_GUARD)
    AGENTS_SQL.run(statement)


@pytest.mark.usefixtures("committed_pair")
def test_the_setting_of_an_earlier_transaction_lifts_nothing() -> None:
    AGENTS_SQL.run("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, false)")
    assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"
    AGENTS_SQL.run("RESET nullstore.maintenance")


@in_agents
@pytest.mark.parametrize("value", ["on", "true", "0", ""])
def test_no_other_value_lifts_the_guard(value: str) -> None:
    AGENTS_SQL.run("SELECT set_config('nullstore.maintenance', %s, true)", [value])
    assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"


@in_agents
def test_who_does_not_own_the_table_cannot_lift_the_guard() -> None:
    role = f"writer_{uuid.uuid4().hex[:8]}"
    AGENTS_SQL.run(f"CREATE ROLE {role}")
    AGENTS_SQL.run(f"GRANT ALL ON user_references TO {role}")
    AGENTS_SQL.run(f"SET LOCAL ROLE {role}")
    AGENTS_SQL.run(LIFT_GUARD)
    assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"


@pytest.mark.usefixtures("committed_pair")
def test_replication_passes_while_the_guard_stands() -> None:
    user = add_user("user")
    assert_replicated(1)
    assert AGENTS_SQL.refusal("UPDATE user_references SET email = 'x' WHERE id = %s", [user]).sqlstate == "NS001"
    assert_replicated(1)


@pytest.fixture
def user(committed_pair: None) -> UserReference:
    """A user as the replica has it."""
    key = add_user("user")
    wait_until_replicated(TIMEOUT)
    return UserReference.objects.get(pk=key)


NEW = {"source_identifier": "intruder", "network": "email"}
ORM_WRITES: dict[str, Callable[[UserReference], Any]] = {
    "save": lambda user: user.save(),
    "save, using": lambda user: user.save(using="agents"),
    "save of a new one": lambda user: UserReference(**NEW).save(using="agents", force_insert=True),
    "save of some fields": lambda user: user.save(update_fields=["email"], using="agents"),
    "delete": lambda user: user.delete(),
    "delete, using": lambda user: user.delete(using="agents"),
    "create": lambda user: UserReference.objects.create(**NEW),
    "create, using": lambda user: UserReference.objects.using("agents").create(**NEW),
    "get_or_create": lambda user: UserReference.objects.get_or_create(**NEW),
    "get_or_create, found": lambda user: UserReference.objects.get_or_create(pk=user.pk),
    "update_or_create": lambda user: UserReference.objects.update_or_create(pk=user.pk, defaults=NEW),
    "bulk_create": lambda user: UserReference.objects.bulk_create([UserReference(**NEW)]),
    "bulk_create, using": lambda user: UserReference.objects.using("agents").bulk_create([UserReference(**NEW)]),
    "bulk_update": lambda user: UserReference.objects.bulk_update([user], ["email"]),
    "update": lambda user: UserReference.objects.filter(pk=user.pk).update(email=None),
    "update, using": lambda user: UserReference.objects.using("agents").update(email=None),
    "delete of a queryset": lambda user: UserReference.objects.all().delete(),
    "delete of a queryset, using": lambda user: UserReference.objects.using("agents").all().delete(),
    "from a related manager": lambda user: Task(user=user).user.save(),
    "base manager": lambda user: UserReference._base_manager.using("agents").update(email=None),
    "fixture": lambda user: next(
        serializers.deserialize("json", serializers.serialize("json", [user]), using="agents")
    ).save(using="agents"),
}


@pytest.mark.parametrize("write", ORM_WRITES.values(), ids=ORM_WRITES)
def test_the_orm_refuses_and_names_the_source(user: UserReference, write: Callable[[UserReference], Any]) -> None:
    with pytest.raises(ReplicaIsReadOnly, match=r"Write erebus_app\.UserReference instead \(database erebus\)"):
        write(user)
    assert_replicated(1)


async def _async_writes(user: UserReference) -> None:
    for write in (user.asave(), user.adelete(), UserReference.objects.acreate(**NEW), UserReference.objects.aupdate()):
        with pytest.raises(ReplicaIsReadOnly):
            await write


def test_the_orm_refuses_asynchronously(user: UserReference) -> None:
    asyncio.run(_async_writes(user))


def test_reading_is_as_usual(user: UserReference) -> None:
    assert UserReference.objects.filter(source_identifier="user").count() == 1
    assert Task(user=user).user.source_identifier == "user"


def test_raw_sql_of_django_meets_the_guard(user: UserReference) -> None:
    with (
        pytest.raises(DatabaseError, match="read-only copy"),
        transaction.atomic(using="agents"),
        connections["agents"].cursor() as cursor,
    ):
        cursor.execute("UPDATE user_references SET email = 'x'")
