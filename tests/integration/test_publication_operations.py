"""The operations for publications, over what they find: nothing, their own work, a later one's, somebody else's."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connections
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, publications
from nullstore.replication.operations import AlterPublication, CreatePublication, RemovePublication
from tests.integration.replicas import EREBUS_SQL, backwards, forwards, sql_of

NAME = "trial"
USERS: dict[str, Any] = {"tables": ("user_references",)}
CREATE = CreatePublication(NAME, **USERS)
WIDER: dict[str, Any] = {
    "tables": ("user_references", "wallets"),
    "columns": {"wallets": ("id", "address")},
    "where": {"user_references": "id <> '00000000-0000-0000-0000-000000000000'"},
    "publish": ("insert", "delete"),
    "options": {"publish_via_partition_root": True},
}
ALTER = AlterPublication(NAME, before=USERS, after=WIDER)


@pytest.fixture(autouse=True)
def no_trial_left(committed_pair: None) -> Iterator[None]:
    yield
    EREBUS_SQL.run(f"DROP PUBLICATION IF EXISTS {NAME}")


def found() -> catalog.Publication:
    publication = catalog.publication(connections["erebus"], NAME)
    assert publication is not None
    return publication


def footprint() -> list[Any]:
    """The row versions of everything that belongs to the publication: they change with every statement that acts."""
    return EREBUS_SQL.rows(
        "SELECT p.xmin::text, array_agg(r.xmin::text ORDER BY r.oid), obj_description(p.oid), "
        "(SELECT d.xmin::text FROM pg_description AS d WHERE d.objoid = p.oid) "
        "FROM pg_publication AS p JOIN pg_publication_rel AS r ON prpubid = p.oid WHERE pubname = %s "
        "GROUP BY p.oid, p.xmin",
        [NAME],
    )


def assert_wider() -> None:
    publication = found()
    assert publication.tables == {"user_references", "wallets"}
    assert publication.columns == {"wallets": {"id", "address"}}
    assert set(publication.filters) == {"user_references"}
    assert publication.publish == {"insert", "delete"}
    assert EREBUS_SQL.value("SELECT pubviaroot FROM pg_publication WHERE pubname = %s", [NAME])


def assert_users() -> None:
    publication = found()
    assert publication.tables == {"user_references"}
    assert not publication.columns
    assert not publication.filters
    assert publication.publish == {"insert", "update", "delete"}
    assert not EREBUS_SQL.value("SELECT pubviaroot FROM pg_publication WHERE pubname = %s", [NAME])


def test_altered_and_back() -> None:
    forwards(CREATE, "erebus")
    oid = found().oid
    forwards(ALTER, "erebus")
    assert_wider()
    backwards(ALTER, "erebus")
    assert_users()
    assert found().oid == oid


@pytest.mark.parametrize("operation", [CREATE, ALTER, CreatePublication(NAME, **WIDER)])
def test_run_again_it_changes_nothing_and_says_so(operation: Any, caplog: pytest.LogCaptureFixture) -> None:
    forwards(operation, "erebus")
    before = footprint()
    caplog.set_level(logging.INFO, "nullstore.replication")
    forwards(operation, "erebus")
    assert footprint() == before
    assert "Publication trial: as declared, nothing to change" in caplog.text


def test_an_old_create_does_not_go_back_behind_a_later_alter(caplog: pytest.LogCaptureFixture) -> None:
    forwards(CREATE, "erebus")
    forwards(ALTER, "erebus")
    before = footprint()
    caplog.set_level(logging.INFO, "nullstore.replication")
    forwards(CREATE, "erebus")
    assert footprint() == before
    assert "a later migration has altered it" in caplog.text


def test_a_later_alter_is_known_even_if_the_create_left_no_trace() -> None:
    EREBUS_SQL.run(f"CREATE PUBLICATION {NAME} FOR TABLE user_references")
    forwards(ALTER, "erebus")
    forwards(CREATE, "erebus")
    assert_wider()


def test_altered_back_by_a_later_alter_it_can_be_altered_again() -> None:
    for operation in (CREATE, ALTER, AlterPublication(NAME, before=WIDER, after=USERS)):
        forwards(operation, "erebus")
    assert_users()
    forwards(ALTER, "erebus")
    assert_wider()


@pytest.mark.parametrize(
    "statement",
    [
        "SET (publish = 'insert, update, delete, truncate')",
        "SET (publish_via_partition_root = false)",
        "DROP TABLE wallets",
        "SET TABLE user_references, wallets",
        "SET TABLE user_references WHERE (id IS NOT NULL), wallets (id, address)",
        "ADD TABLES IN SCHEMA public",
    ],
)
def test_what_somebody_altered_is_told_and_altered_back(statement: str, caplog: pytest.LogCaptureFixture) -> None:
    operation = CreatePublication(NAME, **WIDER)
    if "SCHEMA" in statement:  # which goes with no list of columns
        operation = CreatePublication(NAME, **USERS)
    forwards(operation, "erebus")
    assert publications.differences(connections["erebus"], operation.spec) == []
    EREBUS_SQL.run(f"ALTER PUBLICATION {NAME} {statement}")
    assert publications.differences(connections["erebus"], operation.spec)
    forwards(operation, "erebus")
    assert publications.differences(connections["erebus"], operation.spec) == []
    assert "altered back. What was written meanwhile may not have been sent" in caplog.text


def test_a_comment_of_somebody_else_stays() -> None:
    EREBUS_SQL.run(f"CREATE PUBLICATION {NAME} FOR TABLE user_references")
    EREBUS_SQL.run(f"COMMENT ON PUBLICATION {NAME} IS 'Ask the data team\nbefore you touch it.'")
    forwards(CREATE, "erebus")
    forwards(ALTER, "erebus")
    comment = EREBUS_SQL.value("SELECT obj_description(oid) FROM pg_publication WHERE pubname = %s", [NAME])
    assert comment.startswith("Ask the data team\nbefore you touch it.\nnullstore: ")


def test_a_filter_by_which_updates_would_fail_is_refused_by_the_servers_word() -> None:
    claimed = {"user_references": ("id", "network")}
    operation = CreatePublication(
        NAME, **USERS, where={"user_references": "network = 'email'"}, replica_identity=claimed
    )
    with pytest.raises(ReplicationError, match=r"reads network, which is not in its replica identity \(id\)"):
        forwards(operation, "erebus", atomic=True)
    assert catalog.publication(connections["erebus"], NAME) is None
    assert EREBUS_SQL.insert("user_references", source_identifier="a", network="email")
    EREBUS_SQL.run("UPDATE user_references SET email = NULL")


def test_an_option_of_a_later_version_is_refused_with_its_name() -> None:
    operation = CreatePublication(NAME, **USERS, options={"publish_generated_columns": "stored"})
    if catalog.server_version(connections["erebus"]) >= 18:
        forwards(operation, "erebus")
        assert EREBUS_SQL.value("SELECT pubgencols FROM pg_publication WHERE pubname = %s", [NAME]) == "s"
    else:
        with pytest.raises(ReplicationError, match=r"publish_generated_columns = 'stored' needs PostgreSQL 18"):
            forwards(operation, "erebus")


def test_removed_and_back_and_not_while_it_is_followed() -> None:
    remove = RemovePublication(NAME, **USERS)
    forwards(CREATE, "erebus")
    with pytest.raises(ReplicationError, match=r"may still be followed through the slots agents_user_sync_"):
        forwards(remove, "erebus")
    assert_users()
    backwards(remove, "erebus")
    assert_users()


def test_the_sql_is_shown_without_a_server() -> None:
    assert sql_of(ALTER, "erebus") == [
        "ALTER PUBLICATION trial SET TABLE public.user_references WHERE (id <> "
        "'00000000-0000-0000-0000-000000000000'), public.wallets (id, address);",
        "ALTER PUBLICATION trial SET (publish = 'insert, delete', publish_via_partition_root = true);",
    ]
    assert sql_of(ALTER, "erebus", backwards=True) == [
        "ALTER PUBLICATION trial SET TABLE public.user_references;",
        "ALTER PUBLICATION trial SET (publish = 'insert, update, delete', publish_via_partition_root = false);",
    ]
    create, comment = sql_of(CREATE, "erebus")
    assert create.startswith("CREATE PUBLICATION trial FOR TABLE public.user_references WITH (publish = 'insert, ")
    assert comment.startswith('COMMENT ON PUBLICATION "trial" IS \'nullstore: ')
    with pytest.raises(DatabaseError, match="does not exist"):
        EREBUS_SQL.run(f"COMMENT ON PUBLICATION {NAME} IS NULL")


@pytest.mark.parametrize("operation", [CREATE, ALTER, RemovePublication(NAME, **USERS)])
def test_where_the_router_denies_nothing_is_asked(operation: Any) -> None:
    with CaptureQueriesContext(connections["erebus"]) as queries, connections["erebus"].schema_editor() as editor:
        operation.database_forwards("agents_app", editor, ProjectState(), ProjectState())
        operation.database_backwards("agents_app", editor, ProjectState(), ProjectState())
    assert [query["sql"] for query in queries if query["sql"] not in ("BEGIN", "COMMIT")] == []
