"""manage.py replication resync: from every broken state to a replica that follows and is equal."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from pytest_django import Settings

from nullstore.replication import catalog, publications, reconcile, stamps
from nullstore.replication.operations import CreatePublication
from nullstore.replication.slots import drop_slot, own_slot
from nullstore.replication.subscriptions import why_not_whole
from tests.integration.meanwhile import after
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    PUBLICATION,
    SUBSCRIPTION,
    TIMEOUT,
    add_task,
    add_user,
    assert_replicated,
    forwards,
    resubscribed,
    slots,
    unsubscribe,
    wait_for,
    wait_until_replicated,
)

NAME = "agents_user_sync"


@pytest.fixture(autouse=True)
def three_users(committed_pair: None) -> Iterator[None]:
    """Three users, of whom one has a task, everywhere; and all is as it was at the end."""
    with resubscribed():
        ids = [add_user(f"user-{number}") for number in range(3)]
        add_task(ids[0])
        assert_replicated(3)
        yield
        forwards(PUBLICATION, "erebus")


def resync(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("replication", "resync", "--no-input", "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


def behind_the_guard(sql: str) -> None:
    with transaction.atomic(using="agents"):
        AGENTS_SQL.run("SET LOCAL session_replication_role = replica")
        AGENTS_SQL.run(sql)


def assert_mended(rows: int) -> None:
    """Equal, the task still has its user, and the next change arrives by replication."""
    assert_replicated(rows)
    assert AGENTS_SQL.value("SELECT count(*) FROM tasks WHERE user_id IN (SELECT id FROM user_references)") == 1
    add_user("after")
    assert_replicated(rows + 1)
    assert len(slots()) == 1


def test_where_nothing_is_wrong_nothing_is_changed() -> None:
    before = AGENTS_SQL.rows("SELECT oid, xmin::text FROM pg_subscription"), slots()
    done = resync()
    assert done["done"] == ["Compared 3 rows: equal."]
    assert (AGENTS_SQL.rows("SELECT oid, xmin::text FROM pg_subscription"), slots()) == before


def test_what_is_applied_while_it_is_looked_at_is_not_taken_for_a_rollback_of_the_source() -> None:
    def write() -> None:
        add_user("meanwhile")
        wait_until_replicated(TIMEOUT)

    subscriber = connections["agents"]
    found = catalog.subscription(subscriber, NAME)
    assert found is not None
    with after("has_function_privilege", write, "agents"):
        assert why_not_whole(subscriber, SUBSCRIPTION.spec, found) is None


def lose_the_slot() -> None:
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} DISABLE")
    drop_slot("erebus", slots()[0][0])
    add_user("missed")


def drop_the_subscription() -> None:
    unsubscribe()
    add_user("missed")


def disable() -> None:
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} DISABLE")
    add_user("missed")


def conflict() -> None:
    user = EREBUS_SQL.value("SELECT gen_random_uuid()")
    behind_the_guard(f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{user}', 'mine', 'x')")
    add_user("missed", id=user)


def drop_the_publication() -> None:
    EREBUS_SQL.run("DROP PUBLICATION erebus_user_sync")
    add_user("missed")


def make_the_publication_again() -> None:
    drop_the_publication()
    EREBUS_SQL.run("CREATE PUBLICATION erebus_user_sync FOR TABLE user_references")


def take_the_table_out() -> None:
    EREBUS_SQL.run("ALTER PUBLICATION erebus_user_sync SET TABLE wallets")
    add_user("missed")


def change_rows() -> None:
    behind_the_guard("DELETE FROM user_references WHERE source_identifier = 'user-1'")
    behind_the_guard("UPDATE user_references SET network = 'changed' WHERE source_identifier = 'user-2'")
    behind_the_guard("INSERT INTO user_references (source_identifier, network) VALUES ('extra', 'x')")
    add_user("missed")


def refuse_on_the_replica() -> None:
    """A CHECK that only one new row breaks; that row is gone by the time of the resync."""
    AGENTS_SQL.run("ALTER TABLE user_references ADD CONSTRAINT byhand CHECK (source_identifier <> 'broken')")
    add_user("broken")
    wait_for(lambda: AGENTS_SQL.value("SELECT apply_error_count > 0 FROM pg_stat_subscription_stats"))
    AGENTS_SQL.run("ALTER TABLE user_references DROP CONSTRAINT byhand")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lose_the_slot, "anew on a new slot: the slot agents_user_sync_"),
        (drop_the_subscription, "Made the subscription agents_user_sync on a new slot"),
        (disable, "Enabled the subscription"),
        (conflict, "anew on a new slot: applying changes failed again and again"),
        (drop_the_publication, "Created the publication erebus_user_sync"),
        (make_the_publication_again, ""),
        (take_the_table_out, "Altered the publication erebus_user_sync: it publishes wallets, too; it does not"),
        (change_rows, "mended those that differed (1 missing, 1 extra, 1 different)"),
        (refuse_on_the_replica, ""),
    ],
)
def test_from_a_broken_state_to_an_equal_replica(damage: Any, says: str) -> None:
    damage()
    done = resync()
    assert says in " ".join(done["done"])
    assert done["verification"]["equal"]
    assert_mended(4)


def test_triggers_that_are_gone_or_off_are_made_again() -> None:
    AGENTS_SQL.run("DROP TRIGGER user_references_guard ON user_references")
    AGENTS_SQL.run("ALTER TABLE user_references ENABLE TRIGGER user_references_deleted")
    AGENTS_SQL.run(
        "CREATE OR REPLACE FUNCTION user_references_renumbered() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NULL; END'"
    )
    done = resync()
    assert len(done["done"]) == 4
    assert AGENTS_SQL.refusal("DELETE FROM user_references").sqlstate == "NS001"
    EREBUS_SQL.run("UPDATE user_references SET id = gen_random_uuid() WHERE source_identifier = 'user-0'")
    assert_mended(3)
    assert resync()["done"] == ["Compared 4 rows: equal."]


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    take_the_table_out()
    AGENTS_SQL.run("ALTER TABLE user_references DISABLE TRIGGER user_references_guard")
    before = slots()
    out = io.StringIO()
    call_command("replication", "resync", "--dry-run", stdout=out)
    assert "publication erebus_user_sync: it publishes wallets, too; it does not publish user_references" in (
        out.getvalue()
    )
    assert "make the trigger user_references_guard anew" in out.getvalue()
    assert "make the subscription agents_user_sync anew on a new slot" in out.getvalue()
    assert slots() == before
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 3
    resync()
    assert_mended(4)


def test_anew_makes_a_new_slot_and_keeps_equal_rows_as_they_are() -> None:
    versions = AGENTS_SQL.rows("SELECT id, xmin::text FROM user_references ORDER BY id")
    old = EREBUS_SQL.value("SELECT catalog_xmin::text || restart_lsn FROM pg_replication_slots")
    done = resync("--anew")
    assert "anew on a new slot" in done["done"][0]
    assert EREBUS_SQL.value("SELECT catalog_xmin::text || restart_lsn FROM pg_replication_slots") != old
    assert AGENTS_SQL.rows("SELECT id, xmin::text FROM user_references ORDER BY id") == versions
    assert_mended(3)


def test_one_table_only() -> None:
    change_rows()
    assert resync("--table", "user_references")["verification"]["equal"]
    with pytest.raises(CommandError, match=r"wallets is not a replicated table. There is: user_references"):
        resync("--table", "wallets")


def test_a_copy_of_the_databases_makes_a_slot_of_its_own(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """As a copy of the servers' files that is started as another environment."""
    theirs = slots()[0][0]
    settings.NULLSTORE_ENVIRONMENT = "copy"
    try:
        AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} DISABLE")
        with pytest.raises(CommandError, match=rf"cannot just go on: it follows the slot {theirs}"):
            call_command("replication", "enable")
        caplog.set_level(logging.WARNING)
        resync()
        assert f"The slot {theirs} on erebus" in caplog.text
        ours = own_slot(NAME, connections["agents"], None)
        assert ours != theirs
        assert {name for name, _ in slots()} == {theirs, ours}
        add_user("user")
        assert_replicated(4)
    finally:
        unsubscribe()
        drop_slot("erebus", theirs)


def test_what_is_not_declared_stays_when_it_is_made_anew() -> None:
    AGENTS_SQL.run(f"ALTER SUBSCRIPTION {NAME} SET (disable_on_error = true, synchronous_commit = 'local')")
    resync("--anew")
    assert AGENTS_SQL.rows("SELECT subdisableonerr, subsynccommit FROM pg_subscription") == [(True, "local")]
    assert_mended(3)


def test_more_rows_than_are_looked_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that the search for them is broken off in the middle of a COPY."""
    monkeypatch.setattr(reconcile, "_MOST", 10)
    wide = "repeat(md5(n::text), 30)"
    EREBUS_SQL.run(
        "INSERT INTO user_references (source_identifier, network, metadata) "
        f"SELECT n, 'email', jsonb_build_object('a', {wide}) FROM generate_series(1, 5000) AS n"
    )
    wait_until_replicated(TIMEOUT)
    behind_the_guard("UPDATE user_references SET network = 'changed'")
    assert resync("--anew")["verification"]["equal"]
    assert_mended(5003)


def test_a_publication_made_without_its_migrations_knows_what_was_declared_before() -> None:
    EREBUS_SQL.run("DROP PUBLICATION erebus_user_sync")
    old = CreatePublication("erebus_user_sync", tables=("user_references", "wallets"))
    lineage = stamps.digests(old.spec, PUBLICATION.spec)
    publications.ensure_publication(connections["erebus"], PUBLICATION.spec, lineage=lineage)
    forwards(old, "erebus")
    assert publications.differences(connections["erebus"], PUBLICATION.spec) == []
