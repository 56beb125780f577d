"""The rows of manage.py sample_data, as the databases have them."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models

from nullstore.databases import AGENTS, EREBUS, HOMES
from nullstore.replication.fence import wait_until_replicated
from nullstore.sampledata.cast import CAST
from tests.integration.samples import FILLED, SMALL, SQL, counts, how_many, ids, sample_data

pytestmark = pytest.mark.usefixtures("committed_pair")


def written_models() -> Iterator[type[models.Model]]:
    for model in apps.get_models():
        if model._meta.db_table in FILLED.get(HOMES[model._meta.app_label], ()):
            yield model


def test_every_table_has_the_rows_that_the_report_says() -> None:
    report = sample_data(*SMALL, "--seed", "1")
    assert report["rows"] == counts()
    assert {alias: set(tables) for alias, tables in report["rows"].items()} == FILLED
    assert (report["rows"][EREBUS]["user_references"], report["rows"][AGENTS]["tasks"]) == (60, 150)
    wait_until_replicated(30)
    assert ids(AGENTS, "user_references") == ids(EREBUS, "user_references")


def test_the_models_find_nothing_wrong_with_them() -> None:
    sample_data(*SMALL, "--seed", "1")
    wait_until_replicated(30)
    seen = set()
    for model in written_models():
        for row in model._default_manager.order_by("pk")[:40]:
            row.full_clean()
            seen.add(model._meta.db_table)
    assert seen == FILLED[EREBUS] | FILLED[AGENTS]


def test_users_come_in_every_way_with_their_wallets() -> None:
    sample_data("--users", "400", "--tasks", "0", "--engrams", "0", "--seed", "1")
    erebus = SQL[EREBUS]
    kinds = {kind for (kind,) in erebus.rows("SELECT DISTINCT source_type ->> 'type' FROM user_references")}
    assert kinds == {"web3_wallet", "email_auth", "oauth", "api_key", "system_agent"}
    users = "user_references AS u JOIN wallets AS w ON w.user_id = u.id AND w.is_primary"
    assert erebus.value(f"SELECT count(*) FROM {users}") == erebus.value(
        f"SELECT count(*) FROM {users} WHERE (u.source_identifier, u.network) = (w.address, w.chain) "
        "AND source_type ->> 'type' = 'web3_wallet'"
    )
    assert how_many(
        EREBUS,
        "user_references AS u WHERE source_type ->> 'type' = 'web3_wallet' "
        "AND (SELECT count(*) FROM wallets AS w WHERE w.user_id = u.id) NOT IN (1, 2)",
        "user_references WHERE created_at NOT BETWEEN now() - interval '181 days' AND now() "
        "OR updated_at NOT BETWEEN created_at AND now()",
        "wallets AS w JOIN user_references AS u ON u.id = w.user_id WHERE w.created_at < u.created_at",
    ) == [0, 0, 0]
    assert 0 < erebus.value("SELECT count(*) FROM user_references WHERE NOT is_active") < 60
    assert 0 < erebus.value("SELECT count(*) FROM user_references WHERE email IS NULL") < 400


def test_sessions_are_active_expired_and_revoked() -> None:
    sample_data("--users", "400", "--tasks", "0", "--engrams", "0", "--seed", "1")
    manager = apps.get_model("erebus_app.AuthSession").objects
    active, revoked = manager.active().count(), manager.filter(revoked_at__isnull=False).count()
    assert min(active, revoked, manager.count() - active - revoked) > 3


def test_tasks_came_to_their_status_step_by_step() -> None:
    sample_data("--users", "60", "--tasks", "600", "--engrams", "0", "--seed", "1")
    agents = SQL[AGENTS]
    assert agents.value("SELECT count(DISTINCT status) FROM tasks") == 9
    steps = """
        (SELECT t.*, r.from_status, r.to_status, r.changed_at,
            lag(r.to_status) OVER task AS expected, lag(r.changed_at) OVER task AS before,
            row_number() OVER (PARTITION BY t.id ORDER BY r.id DESC) = 1 AS is_last
         FROM tasks AS t JOIN task_transitions AS r ON r.task_id = t.id
         WINDOW task AS (PARTITION BY t.id ORDER BY r.id)) AS step
    """
    assert how_many(
        AGENTS,
        f"{steps} WHERE from_status IS DISTINCT FROM expected OR changed_at < before",
        f"{steps} WHERE before IS NULL AND (to_status, changed_at) <> ('submitted', created_at)",
        f"{steps} WHERE is_last AND (to_status, changed_at) <> (status, status_timestamp)",
        f"{steps} WHERE to_status = 'working' AND changed_at <> started_at",
        "tasks AS t WHERE NOT EXISTS (SELECT FROM task_transitions AS r WHERE r.task_id = t.id)",
    ) == [0, 0, 0, 0, 0]


def test_tasks_have_coherent_times() -> None:
    sample_data("--users", "60", "--tasks", "600", "--engrams", "0", "--seed", "1")
    wait_until_replicated(30)
    assert how_many(
        AGENTS,
        "tasks WHERE NOT created_at <= coalesce(started_at, created_at) OR started_at > completed_at",
        "tasks WHERE greatest(status_timestamp, completed_at, updated_at) > now()",
        "tasks WHERE (completed_at IS NOT NULL) <> (status IN ('completed', 'canceled', 'failed', 'rejected'))",
        "tasks WHERE actual_duration <> round(extract(epoch FROM completed_at - started_at) * 1000)",
        "tasks WHERE (actual_duration IS NULL) <> (started_at IS NULL OR completed_at IS NULL)",
        "tasks AS t LEFT JOIN user_references AS u ON u.id = user_id WHERE u.id IS NULL OR u.created_at > t.created_at",
        "tasks WHERE status = 'failed' AND status_message IS NULL",
    ) == [0, 0, 0, 0, 0, 0, 0]


def test_tasks_speak_a2a() -> None:
    sample_data("--users", "60", "--tasks", "600", "--engrams", "0", "--seed", "1")
    agents = SQL[AGENTS]
    messages = "tasks AS t, jsonb_array_elements(history) AS m"
    artifacts = "tasks AS t, jsonb_array_elements(artifacts) AS a"
    assert how_many(
        AGENTS,
        "tasks WHERE jsonb_array_length(history) = 0",
        f"{messages} WHERE NOT m @> jsonb_build_object('kind', 'message', 'taskId', t.id, 'contextId', t.context_id) "
        "OR m ->> 'messageId' IS NULL OR m ->> 'role' NOT IN ('user', 'agent') OR m -> 'parts' = '[]'",
        f"{artifacts} WHERE a ->> 'artifactId' IS NULL OR a ->> 'name' IS NULL OR a -> 'parts' = '[]'",
        "tasks WHERE (status = 'completed') <> (artifacts <> '[]')",
    ) == [0, 0, 0, 0]
    kinds = agents.rows(f"SELECT DISTINCT jsonb_array_elements(m -> 'parts') ->> 'kind' FROM {messages} ORDER BY 1")
    assert kinds == [("data",), ("file",), ("text",)]


def test_tasks_hang_together() -> None:
    sample_data("--users", "60", "--tasks", "600", "--engrams", "0", "--seed", "1")
    agents = SQL[AGENTS]
    parts = "tasks AS t, jsonb_array_elements_text(sub_tasks) AS s LEFT JOIN tasks AS part ON part.id = s::uuid"
    assert agents.value("SELECT count(DISTINCT context_id) FROM tasks") < 500
    assert agents.value("SELECT count(*) FROM tasks WHERE sub_tasks <> '[]'") > 3
    assert how_many(
        AGENTS,
        f"{parts} WHERE part.context_id IS DISTINCT FROM t.context_id "
        "OR part.metadata ->> 'parent_task_id' <> t.id::text OR part.completed_at > t.completed_at",
    ) == [0]


def test_the_agents_have_done_what_the_tasks_say() -> None:
    sample_data(*SMALL, "--seed", "1")
    sample_data(*SMALL, "--seed", "2")
    assert SQL[AGENTS].value("SELECT count(*) FROM agents") == len(CAST)
    assert how_many(
        AGENTS,
        "agents AS a, LATERAL (SELECT count(*) AS tasks, coalesce(sum(actual_duration), 0) AS spent, "
        "max(completed_at) AS last FROM tasks WHERE assigned_agent_id = a.id AND actual_duration IS NOT NULL) AS t "
        "WHERE (tasks_processed_count, total_processing_time, last_action_at) IS DISTINCT FROM (tasks, spent, last) "
        "OR average_processing_time <> CASE WHEN tasks > 0 THEN spent::bigint / tasks ELSE 0 END",
    ) == [0]


def test_engrams_have_forks_and_versions_with_a_history() -> None:
    sample_data("--users", "60", "--tasks", "0", "--engrams", "300", "--seed", "1")
    agents = SQL[AGENTS]
    assert agents.value("SELECT count(DISTINCT engram_type) FROM engrams") == 5
    assert agents.value("SELECT count(*) FROM engrams WHERE parent_id IS NOT NULL") > 5
    assert agents.rows("SELECT DISTINCT version FROM engrams ORDER BY 1") == [(1,), (2,), (3,)]
    assert agents.rows("SELECT DISTINCT changed_by, change_reason FROM engram_history ORDER BY 1") == [
        ("Conductor", "refined after feedback"),
        ("ops@example.com", "reviewed"),
    ]
    assert how_many(
        AGENTS,
        "engrams WHERE (content ->> 'revision' IS DISTINCT FROM '2') <> (version = 1)",
        "engrams WHERE ('reviewed' = ANY (tags)) <> (version = 3)",
        "engrams AS e WHERE version <> 1 + (SELECT count(*) FROM engram_history AS h WHERE h.engram_id = e.id)",
        "engrams AS e JOIN engrams AS p ON p.id = e.parent_id "
        "WHERE e.lineage_root_id <> p.lineage_root_id OR e.created_at < p.created_at",
        "engrams WHERE key !~ '^[a-z]+[.][a-z0-9]+[.][a-z]+([.]fork[0-9]+)?$'",
    ) == [0, 0, 0, 0, 0]
    owners = {wallet for (wallet,) in agents.rows("SELECT DISTINCT wallet_address FROM engrams")}
    assert owners <= {address for (address,) in SQL[EREBUS].rows("SELECT address FROM wallets")}


def test_the_marketplace_is_coherent() -> None:
    sample_data("--users", "400", "--tasks", "0", "--engrams", "0", "--seed", "1")
    erebus = SQL[EREBUS]
    assert erebus.value("SELECT count(DISTINCT status) FROM crossroads_listings") == 5
    assert how_many(
        EREBUS,
        "crossroads_listings AS l WHERE total_ratings <> "
        "(SELECT count(*) FROM crossroads_reviews AS r WHERE r.listing_id = l.id)",
        "crossroads_listings AS l WHERE NOT EXISTS (SELECT FROM crossroads_listing_versions AS v "
        "WHERE (v.listing_id, v.version) = (l.id, l.version))",
        "crossroads_listings WHERE (status = 'rejected') <> (review_note IS NOT NULL)",
        "crossroads_purchases AS p JOIN crossroads_listings AS l ON l.id = p.listing_id "
        "WHERE l.is_free OR l.status IN ('pending', 'rejected')",
        "crossroads_reviews AS r WHERE is_verified_purchase <> EXISTS (SELECT FROM crossroads_purchases AS p "
        "WHERE (p.listing_id, p.buyer_wallet) = (r.listing_id, r.reviewer_wallet))",
    ) == [0, 0, 0, 0, 0]


def test_api_keys_can_be_revealed_and_are_obviously_no_keys() -> None:
    sample_data(*SMALL, "--seed", "1")
    keys = list(apps.get_model("erebus_app.AgentApiKey").objects.all())
    assert len(keys) == 6
    assert all("example" in key.reveal() and "no-real-key" in key.reveal() for key in keys)
