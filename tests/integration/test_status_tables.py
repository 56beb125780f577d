"""Problems of source and replica as tables that somebody altered by hand, and what hides none of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from nullstore.databases import AGENTS, EREBUS
from nullstore.exceptions import ReplicationError
from nullstore.replication.resync import resync
from nullstore.replication.slots import slot_names
from tests.integration.looks import RESYNC, assert_ok, codes, disable, do, look, look_for, on, only_problem
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_user, slots, wait_for, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")

ERRORS = "SELECT sum(apply_error_count) FROM pg_stat_subscription_stats"
REFUSING = """
    CREATE OR REPLACE FUNCTION refuse_some() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.source_identifier = ''refused'' THEN RAISE ''no''; END IF; RETURN NULL; END';
    CREATE TRIGGER refuse_some AFTER INSERT ON user_references FOR EACH ROW EXECUTE FUNCTION refuse_some();
    ALTER TABLE user_references ENABLE ALWAYS TRIGGER refuse_some;
"""


@contextmanager
def forgotten(app: str) -> Iterator[None]:
    """A migration of erebus that is not recorded as applied."""
    on(EREBUS, f"CREATE TABLE kept AS SELECT * FROM django_migrations WHERE app = '{app}'")
    on(EREBUS, f"DELETE FROM django_migrations WHERE app = '{app}'")
    try:
        yield
    finally:
        on(EREBUS, "INSERT INTO django_migrations OVERRIDING SYSTEM VALUE SELECT * FROM kept; DROP TABLE kept")


@pytest.fixture(scope="module", autouse=True)
def workers_start_again_soon(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What fails is tried again after 0.1 s, so that tests do not wait for it."""
    with django_db_blocker.unblock():
        on(AGENTS, "ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'", "SELECT pg_reload_conf()")
        yield
        on(AGENTS, "ALTER SYSTEM RESET wal_retrieve_retry_interval", "SELECT pg_reload_conf()")
        on(AGENTS, "SELECT pg_stat_reset_subscription_stats(NULL)")


def test_a_pending_migration_of_another_table_hides_no_difference() -> None:
    on(AGENTS, "ALTER TABLE user_references ALTER COLUMN network TYPE varchar(40)")
    with forgotten("sessions"):
        found = look()
        assert (found.verdict, codes(found)) == ("broken", ["migrations_pending", "columns_differ"])
    do(only_problem("columns_differ"))
    assert_ok()


def test_a_pending_migration_hides_nothing_of_a_replica_that_fails() -> None:
    on(AGENTS, "ALTER TABLE user_references ALTER COLUMN network TYPE varchar(5)")
    with forgotten("erebus_app"):
        assert codes(look()) == ["migrations_pending"]
        add_user("user", email="a@b.c")
        EREBUS_SQL.insert("user_references", source_identifier="refused", network="far too long")
        wait_for(lambda: (AGENTS_SQL.value(ERRORS) or 0) > 0)
        found = look_for("columns_differ")
        assert found.verdict == "broken"
    do(only_problem("columns_differ"))
    assert_ok()


@pytest.mark.parametrize(
    ("code", "statement"),
    [
        ("replica_identity", "ALTER TABLE user_references REPLICA IDENTITY NOTHING"),
        ("trigger_missing", "DROP TRIGGER user_references_refuse_truncate ON user_references"),
        ("trigger_missing", "ALTER TABLE user_references DISABLE TRIGGER user_references_refuse_truncate"),
        (
            "trigger_differs",
            "CREATE OR REPLACE TRIGGER user_references_refuse_truncate BEFORE TRUNCATE ON user_references "
            "WHEN (false) EXECUTE FUNCTION user_references_refuse_truncate(); "
            "ALTER TABLE user_references ENABLE ALWAYS TRIGGER user_references_refuse_truncate",
        ),
    ],
)
def test_a_source_that_was_altered_is_named_and_mended(code: str, statement: str) -> None:
    on(EREBUS, statement)
    do(only_problem(code))
    assert_ok()


def test_a_trigger_that_changes_no_row_is_named_only_when_apply_fails() -> None:
    on(AGENTS, REFUSING)
    assert_ok()
    add_user("refused")
    found = look_for("apply_errors")
    assert codes(found) == ["apply_errors"]
    drop = "DROP TRIGGER refuse_some ON public.user_references"
    assert f"Or the trigger: agents: {drop}." in found.problems[0].cause
    on(AGENTS, drop)
    assert_ok()


def owner_without_rights() -> None:
    on(
        AGENTS,
        "CREATE ROLE owner_of_users",
        "GRANT CREATE ON SCHEMA public TO owner_of_users",
        "ALTER TABLE user_references OWNER TO owner_of_users",
        "REVOKE INSERT ON user_references FROM owner_of_users",
    )


def index_that_fails() -> None:
    on(AGENTS, "CREATE INDEX by_hand ON user_references ((1 / length(metadata ->> 'x')))")


def owner_again() -> None:
    on(
        AGENTS,
        "DROP INDEX IF EXISTS by_hand",
        "ALTER TABLE user_references OWNER TO CURRENT_USER",
        "DO 'BEGIN IF to_regrole(''owner_of_users'') IS NOT NULL THEN DROP OWNED BY owner_of_users; "
        "DROP ROLE owner_of_users; END IF; END'",
    )


@pytest.mark.parametrize(
    ("fault", "since", "seen", "fix"),
    [
        (owner_without_rights, 16, "owner_of_users, as whom apply acts, lacks INSERT", "GRANT INSERT ON public.user_r"),
        (index_that_fails, 15, "has by_hand: CREATE INDEX", "DROP INDEX public.by_hand"),
    ],
)
def test_what_makes_apply_fail_is_named(fault: Callable[[], None], since: int, seen: str, fix: str) -> None:
    if look().subscriber.server_version < since:
        pytest.skip(f"apply acts as the owner of the table from PostgreSQL {since} on")
    fault()
    try:
        add_user("user", metadata={"x": ""})
        found = look_for("apply_errors")
        problem = next(problem for problem in found.problems if problem.code == "apply_errors")
        assert seen in problem.cause
        assert problem.fix.startswith(f"agents: {fix}")
        do(problem)
        assert_ok()
    finally:
        owner_again()


def test_a_publication_of_some_columns_is_the_cause_and_not_the_replica(made_again: None) -> None:
    on(EREBUS, "ALTER PUBLICATION erebus_user_sync SET TABLE user_references (id, email)")
    assert codes(look()) == ["publication_differs"]


@pytest.mark.parametrize("turn", [0, 1])
def test_a_subscription_that_is_detached_and_disabled_is_resynced_not_enabled(made_again: None, turn: int) -> None:
    followed = slot_names("agents_user_sync", connections[AGENTS])[turn]
    for _ in range(2):
        if slots() != [(followed, True)]:
            resync(say=str, anew=True)
            wait_until_replicated(30)
    assert slots() == [(followed, True)]
    disable()
    on(AGENTS, "ALTER SUBSCRIPTION agents_user_sync SET (slot_name = NONE)")
    problem = only_problem("slot_missing")
    assert problem.fix == RESYNC
    do(problem)
    assert_ok()


@pytest.mark.parametrize(
    "whose", ["DATABASE {database}", "ROLE ALL", "ROLE {user}", "ROLE {user} IN DATABASE {database}"]
)
def test_a_guard_that_a_setting_lifts(whose: str) -> None:
    settings = connections[AGENTS].settings_dict
    named = whose.format(database=settings["NAME"], user=settings["USER"])
    on(AGENTS, f"ALTER {named} SET session_replication_role = replica")
    problem = only_problem("guard_lifted")
    assert problem.fix == f"agents: ALTER {named} RESET session_replication_role"
    do(problem)
    assert_ok()


@pytest.mark.parametrize(
    ("damage", "mend", "said"),
    [
        (
            "ALTER TABLE user_references RENAME TO gone",
            "ALTER TABLE gone RENAME TO user_references",
            "agents has no table public.user_references. If a migration makes it",
        ),
        (
            "CREATE SCHEMA IF NOT EXISTS other; ALTER TABLE user_references SET SCHEMA other",
            "ALTER TABLE other.user_references SET SCHEMA public",
            "ALTER TABLE other.user_references SET SCHEMA public; then run the same again",
        ),
        (
            "ALTER TABLE user_references DROP CONSTRAINT user_references_pkey",
            "ALTER TABLE user_references ADD PRIMARY KEY (id)",
            "has no primary key by which apply finds the rows",
        ),
        (
            "ALTER TABLE user_references DROP COLUMN email, ADD email varchar(255) GENERATED ALWAYS AS ('x') STORED",
            "ALTER TABLE user_references ALTER COLUMN email DROP EXPRESSION",
            "user_references.email is GENERATED in agents",
        ),
    ],
)
def test_resync_refuses_what_it_cannot_mend(damage: str, mend: str, said: str) -> None:
    told: list[str] = []
    on(AGENTS, damage)
    try:
        with pytest.raises(ReplicationError, match=r".*") as refused:
            resync(say=told.append)
        assert said in str(refused.value)
        assert told == []
    finally:
        on(AGENTS, mend)
    assert_ok()


def test_a_replica_that_was_dropped_is_not_mended_by_a_column() -> None:
    add_user("user")
    wait_until_replicated(30)
    on(AGENTS, "ALTER TABLE user_references RENAME TO gone")
    try:
        problem = only_problem("replica_missing")
        assert "agents_app 0001_initial" in problem.fix
    finally:
        on(AGENTS, "ALTER TABLE gone RENAME TO user_references")
    assert_ok()
