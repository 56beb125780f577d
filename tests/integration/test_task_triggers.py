"""What the database makes of a task's status, whoever writes: bare SQL only."""

from itertools import product
from typing import Any

import pytest

from agents_app.models import Task
from tests.integration.baresql import BareSQL

pytestmark = pytest.mark.django_db(databases=["agents"])

agents = BareSQL("agents")
STATES = [str(state) for state in Task.Status]
TERMINAL = {"completed", "canceled", "failed", "rejected"}
EARLIER = "2020-01-01T00:00:00+00:00"
SPELLINGS = {
    "TASK_STATE_SUBMITTED": "submitted",
    "TASK_STATE_WORKING": "working",
    "TASK_STATE_INPUT_REQUIRED": "input-required",
    "TASK_STATE_COMPLETED": "completed",
    "TASK_STATE_CANCELED": "canceled",
    "TASK_STATE_CANCELLED": "canceled",
    "TASK_STATE_FAILED": "failed",
    "TASK_STATE_REJECTED": "rejected",
    "TASK_STATE_AUTH_REQUIRED": "auth-required",
    "TASK_STATE_UNSPECIFIED": "unknown",
}
SET_STATUS = "UPDATE tasks SET status = %s WHERE id = %s"


def insert(**columns: Any) -> str:
    return str(agents.insert("tasks", **{"name": "look", **columns}))


def insert_earlier(status: str, **columns: Any) -> str:
    return insert(status=status, status_timestamp=EARLIER, **columns)


def update(task: str, assignments: str) -> dict[str, Any]:
    agents.run(f"UPDATE tasks SET {assignments} WHERE id = %s", [task])
    return agents.record("tasks", task)


def transitions(task: str) -> list[tuple[Any, ...]]:
    return agents.rows(
        "SELECT from_status, to_status, message, changed_by FROM task_transitions WHERE task_id = %s ORDER BY id",
        [task],
    )


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_terminal_status_is_final_and_every_other_may_change_to_any(before: str, after: str) -> None:
    task = insert_earlier(before)
    if before in TERMINAL and after != before:
        said = agents.refusal(SET_STATUS, [after, task])
        assert (said.sqlstate, said.constraint_name) == ("23514", "tasks_terminal_status_is_final")
        assert (said.schema_name, said.table_name, said.column_name) == ("public", "tasks", "status")
        assert said.message_primary == f"task {task} is {before}, which is final: it cannot become {after}"
        assert said.message_hint is not None
        assert said.message_hint.startswith("Make a new task in the same context (context_id ")
        assert str(agents.record("tasks", task)["context_id"]) in said.message_hint
        after = before
    else:
        assert agents.run(SET_STATUS, [after, task]) == 1
    row = agents.record("tasks", task)
    changed = after != before
    assert row["status"] == after
    assert row["status_timestamp"] == (agents.now() if changed else EARLIER)
    assert len(transitions(task)) == 1 + changed


def test_the_models_sets_are_those_of_the_database() -> None:
    assert {str(state) for state in Task.TERMINAL} == TERMINAL
    assert {str(state) for state in Task.INTERRUPTED} == {"input-required", "auth-required"}


@pytest.mark.parametrize(("spelling", "state"), SPELLINGS.items())
def test_the_spelling_of_a2a_1_0_is_stored_in_that_of_0_3(spelling: str, state: str) -> None:
    inserted = insert(status=spelling)
    updated = insert(status="auth-required" if state == "submitted" else "submitted")
    agents.run(SET_STATUS, [spelling, updated])
    for task in (inserted, updated):
        assert agents.record("tasks", task)["status"] == state
        assert transitions(task)[-1][1] == state


def test_a_terminal_task_may_be_told_its_status_again_in_either_spelling() -> None:
    task = insert_earlier("canceled")
    agents.run(SET_STATUS, ["TASK_STATE_CANCELLED", task])
    assert agents.record("tasks", task)["status_timestamp"] == EARLIER
    said = agents.refusal(SET_STATUS, ["TASK_STATE_WORKING", task])
    assert said.message_primary == f"task {task} is canceled, which is final: it cannot become working"


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("value", ["done", "TASK_STATE_DONE", "COMPLETED", ""])
def test_a_value_that_is_no_status_is_refused_by_the_check(before: str, value: str) -> None:
    said = agents.refusal(SET_STATUS, [value, insert(status=before)])
    assert (said.sqlstate, said.constraint_name) == ("23514", "tasks_status_known")


@pytest.mark.parametrize("before", ["submitted", "failed"])
def test_no_status_at_all_is_refused_as_null(before: str) -> None:
    said = agents.refusal(SET_STATUS, [None, insert(status=before)])
    assert (said.sqlstate, said.column_name) == ("23502", "status")


def test_one_terminal_task_refuses_the_whole_statement() -> None:
    agents.run("INSERT INTO tasks (name, status) VALUES ('batch', 'working'), ('batch', 'failed')")
    agents.refusal("UPDATE tasks SET status = 'canceled' WHERE name = 'batch'")
    assert agents.rows("SELECT status FROM tasks WHERE name = 'batch' ORDER BY 1") == [("failed",), ("working",)]


@pytest.mark.parametrize("status", ["", "status = 'working', "])
def test_without_a_change_the_status_keeps_its_time_whatever_is_sent(status: str) -> None:
    row = update(insert_earlier("working"), f"{status}status_timestamp = '2001-01-01'")
    assert row["status_timestamp"] == EARLIER


def test_with_a_change_the_status_has_the_time_of_the_change_whatever_is_sent() -> None:
    row = update(insert_earlier("working"), "status = 'failed', status_timestamp = '2001-01-01'")
    assert row["status_timestamp"] == agents.now()


def test_the_first_working_starts_a_task_and_the_next_does_not() -> None:
    task = insert_earlier("submitted")
    assert agents.record("tasks", task)["started_at"] is None
    assert update(task, "status = 'working'")["started_at"] == agents.now()
    update(task, f"status = 'input-required', started_at = '{EARLIER}'")
    assert update(task, "status = 'working'")["started_at"] == EARLIER


def test_a_task_may_be_inserted_as_working() -> None:
    assert agents.record("tasks", insert(status="working"))["started_at"] == agents.now()
    assert agents.record("tasks", insert_earlier("working"))["started_at"] == EARLIER


@pytest.mark.parametrize("state", STATES)
def test_a_terminal_status_completes_a_task_and_no_other_does(state: str) -> None:
    expected = agents.now() if state in TERMINAL else None
    assert agents.record("tasks", insert(status=state))["completed_at"] == expected
    before = "submitted" if state != "submitted" else "working"
    assert update(insert_earlier(before), f"status = '{state}'")["completed_at"] == expected


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize(
    ("started", "completed", "given", "milliseconds"),
    [
        ("2026-01-01 00:00:00Z", "2026-01-01 00:00:01.5Z", None, 1500),
        ("2026-01-01 00:00:00Z", "2026-01-01 00:00:00.0004Z", None, 0),
        ("2026-01-01 00:00:00Z", "2026-03-01 00:00:00Z", None, 59 * 86_400_000),
        ("2026-01-01 00:00:02Z", "2026-01-01 00:00:01Z", None, 0),
        ("2026-01-01 00:00:00Z", "2026-01-01 00:00:01Z", 7, 7),
        (None, "2026-01-01 00:00:01Z", None, None),
        (None, "2026-01-01 00:00:01Z", 7, 7),
        ("-infinity", "2026-01-01 00:00:01Z", None, None),
        ("2026-01-01 00:00:00Z", "infinity", None, None),
        ("-infinity", "infinity", None, None),
        ("infinity", "infinity", 7, 7),
    ],
)
def test_the_duration_is_made_of_both_times_unless_the_writer_gave_one(
    state: str, started: str | None, completed: str, given: int | None, milliseconds: int | None
) -> None:
    columns = {"started_at": started, "completed_at": completed, "actual_duration": given}
    inserted = agents.record("tasks", insert(status=state, **columns))
    assert inserted["actual_duration"] == milliseconds
    updated = update(insert(**columns), f"status = '{state}'")
    assert updated["actual_duration"] == milliseconds
    assert updated["completed_at"] == inserted["completed_at"]


def test_a_run_through_the_states_is_dated_and_timed() -> None:
    task = insert_earlier("working")
    row = update(task, "status = 'completed'")
    elapsed = "SELECT round(extract(epoch FROM now() - %s::timestamptz) * 1000)"
    assert (row["completed_at"], row["actual_duration"]) == (agents.now(), agents.value(elapsed, [EARLIER]))


def test_a_writer_that_saves_the_whole_row_does_not_undo_the_times_that_it_has_not_read() -> None:
    stale = "started_at = NULL, completed_at = NULL, actual_duration = NULL"
    task = insert_earlier("working")
    row = update(task, f"status = 'completed', {stale}")
    assert (row["started_at"], row["completed_at"]) == (EARLIER, agents.now())
    assert update(task, f"status = 'completed', name = 'renamed', {stale}") == row | {"name": "renamed"}


def test_each_change_of_status_is_recorded_with_its_message() -> None:
    task = insert(status_message="queued")
    update(task, "status = 'working', status_message = NULL")
    update(task, "status = 'TASK_STATE_INPUT_REQUIRED', status_message = 'which one?'")
    update(task, "status = 'canceled'")
    assert transitions(task) == [
        (None, "submitted", "queued", None),
        ("submitted", "working", None, None),
        ("working", "input-required", "which one?", None),
        ("input-required", "canceled", "which one?", None),
    ]
    times = agents.rows("SELECT DISTINCT changed_at = now() FROM task_transitions WHERE task_id = %s", [task])
    assert times == [(True,)]


def test_a_task_that_is_copied_in_keeps_the_time_of_its_status() -> None:
    task = insert_earlier("failed")
    assert agents.value("SELECT changed_at FROM task_transitions WHERE task_id = %s", [task]).isoformat() == EARLIER
    assert agents.record("tasks", task)["completed_at"] == EARLIER


@pytest.mark.parametrize(
    "assignments", ["name = 'x'", "progress = 50", "status = status", "status = 'working'", "status_message = 'still'"]
)
def test_an_update_that_leaves_the_status_records_nothing(assignments: str) -> None:
    task = insert(status="working")
    update(task, assignments)
    assert len(transitions(task)) == 1


@pytest.mark.parametrize(
    ("actor", "recorded"), [("ann", "ann"), ("", None), ("x" * 300, "x" * 255), ("Ünï 'quoted'", "Ünï 'quoted'")]
)
def test_the_actor_of_the_transaction_is_recorded(actor: str, recorded: str | None) -> None:
    agents.rows("SELECT set_config('nullstore.actor', %s, true)", [actor])
    task = insert()
    update(task, "status = 'working'")
    assert [changed_by for *_, changed_by in transitions(task)] == [recorded, recorded]


def test_many_rows_in_one_statement_are_each_recorded() -> None:
    agents.run("INSERT INTO tasks (name) SELECT 'many' FROM generate_series(1, 50)")
    agents.run("UPDATE tasks SET status = 'rejected' WHERE name = 'many'")
    count = "SELECT count(*), count(DISTINCT task_id) FROM task_transitions WHERE to_status = %s"
    assert agents.rows(count, ["submitted"]) == agents.rows(count, ["rejected"]) == [(50, 50)]
