"""/metrics of a real pair, healthy and with faults."""

import pytest

from nullstore.databases import AGENTS, EREBUS
from tests.integration.probes.scrapes import get, scrape, value
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_task, wait_for, wait_until_replicated
from tests.servers import PASSWORD

pytestmark = pytest.mark.usefixtures("committed_pair")
SLOT = {"server": "erebus", "slot_type": "logical"}


def test_a_healthy_pair() -> None:
    wait_until_replicated(30)
    found = scrape()
    assert [value(found, "pg_up", server=alias) for alias in (EREBUS, AGENTS)] == [1, 1]
    assert value(found, "nullstore_replication_verdict", verdict="ok") == 1
    assert value(found, "pg_replication_slot_slot_is_active", **SLOT) == 1
    assert value(found, "pg_replication_slot_wal_status", wal_status="reserved", **SLOT) == 1
    assert value(found, "nullstore_replication_table_state", table="user_references", state="ready") == 1
    assert value(found, "nullstore_replication_arrived") == 1
    assert value(found, "nullstore_orphaned_tasks") == 0
    assert value(found, "nullstore_replication_problem") is None
    assert all(v == 1 for (name, _), v in found.items() if name == "nullstore_readable")
    assert PASSWORD not in get("/metrics").content.decode()


def test_a_disabled_subscription() -> None:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    try:
        wait_for(lambda: EREBUS_SQL.value("SELECT count(active_pid) FROM pg_replication_slots") == 0)
        found = scrape()
        assert value(found, "nullstore_subscription_enabled") == 0
        assert value(found, "pg_replication_slot_slot_is_active") == 0
        assert value(found, "nullstore_replication_verdict", verdict="broken") == 1
        assert value(found, "nullstore_replication_problem", code="subscription_disabled", severity="broken") == 1
        assert get("/readyz").status_code == 503
        assert get("/readyz?exclude=replication").status_code == 200
        assert "[-]replication failed: broken: subscription_disabled:" in get("/readyz?verbose").content.decode()
    finally:
        AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync ENABLE")


def test_a_slot_that_is_gone(made_again: None) -> None:
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    wait_for(lambda: EREBUS_SQL.value("SELECT count(active_pid) FROM pg_replication_slots") == 0)
    EREBUS_SQL.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    found = scrape()
    assert value(found, "nullstore_replication_problem", code="slot_missing") == 1
    assert value(found, "pg_replication_slot_slot_is_active") is None
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync SET (slot_name = NONE)")
    AGENTS_SQL.run("DROP SUBSCRIPTION agents_user_sync")


def test_a_limit_of_the_wal_that_slots_keep() -> None:
    name = "pg_replication_slot_safe_wal_size_bytes"
    assert (value(scrape(), name, **SLOT) or 0) > 0
    EREBUS_SQL.run("ALTER SYSTEM SET max_slot_wal_keep_size = -1")
    try:
        EREBUS_SQL.run("SELECT pg_reload_conf()")
        wait_for(lambda: value(scrape(), name) is None)
    finally:
        EREBUS_SQL.run("ALTER SYSTEM RESET max_slot_wal_keep_size")
        EREBUS_SQL.run("SELECT pg_reload_conf()")


def test_a_task_whose_user_is_gone() -> None:
    task = add_task("00000000-0000-4000-8000-000000000001")
    AGENTS_SQL.run("ALTER TABLE tasks DISABLE TRIGGER USER")
    AGENTS_SQL.run("UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE id = %s", [task])
    AGENTS_SQL.run("ALTER TABLE tasks ENABLE TRIGGER USER")
    found = scrape()
    assert value(found, "nullstore_orphaned_tasks") == 1
    assert value(found, "nullstore_replication_problem", code="orphaned_tasks") == 1


def test_a_role_that_may_do_nothing_leaves_out_what_it_cannot_read(ordinary_role: str) -> None:
    found = scrape()
    assert value(found, "pg_up", server=AGENTS) == 1
    assert value(found, "nullstore_orphaned_tasks") is None
    assert value(found, "nullstore_readable", part="tasks") == 0
    assert (value(found, "nullstore_replication_unseen") or 0) > 0
