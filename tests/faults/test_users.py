"""Users that vanish, or are late, and the tasks that name them."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from tests.faults.byhand import be_late, hold_a_task, orphans, outlive_user
from tests.faults.faults import SQL, Fault
from tests.faults.scenarios import subject
from tests.faults.writers import TASKS, Journal, TaskUpdater, TaskWriter, writing
from tests.integration.replicas import wait_for, wait_until_replicated

scenario = subject(__name__, "Users that vanish or are late")


@contextmanager
def tasks_written(fault: Fault, users: Sequence[uuid.UUID], doomed: Sequence[uuid.UUID]) -> Iterator[Journal]:
    """Write tasks of `users`, and update the tasks `doomed`, while the block lasts; no acknowledged commit is lost."""
    connect = partial(fault.connect, "agents")
    with writing(TaskWriter(connect, "writer-0", users), TaskUpdater(connect, doomed)) as journal:
        yield journal
        journal.wait_for_commits(5)
        journal.stop()
    with fault.connect("agents") as session:
        journal.check(session, TASKS)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, marks=scenario("a user deleted", injected="DELETE of a user with 10 tasks"), id="one"),
        pytest.param(
            100_000,
            marks=[
                scenario(
                    "100,000 users deleted",
                    injected="DELETE in one transaction, of users with 10,000 tasks, while tasks are written",
                ),
                pytest.mark.slow,
            ],
            id="many",
        ),
    ],
)
def test_users_are_deleted(fault: Fault, number: int) -> None:
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'doomed-' || n, 'email' FROM generate_series(1, %s) AS n",
        [number],
    )
    wait_until_replicated(60)
    SQL["agents"].run(
        "INSERT INTO tasks (name, user_id) SELECT 'writer-doomed', id FROM (SELECT id FROM user_references "
        "WHERE source_identifier LIKE 'doomed-%%' LIMIT 1000) AS u, generate_series(1, 10)"
    )
    kept, doomed = (
        [key for (key,) in SQL["agents"].rows(f"SELECT id FROM {table} ORDER BY id")]
        for table in ("user_references WHERE source_identifier LIKE 'user-%%'", "tasks")
    )
    with tasks_written(fault, kept, doomed) as journal:
        # The updater waits for tasks whose users are being deleted until that is applied; others wait for nothing.
        writer, _ = journal.writers
        before = writer.commits
        SQL["erebus"].run("DELETE FROM user_references WHERE source_identifier LIKE 'doomed-%%'")
        wait_for(lambda: writer.commits > before)
        fault.ends()
        fault.equal()
    tasks = "SELECT count(*), count(user_id) FROM tasks WHERE name = 'writer-doomed'"
    assert SQL["agents"].rows(tasks) == [(min(number, 1000) * 10, 0)]
    assert orphans() == 0
    fault.left_as_it_was()


@scenario(
    "a task that names a user who has not arrived",
    injected="the subscription stands still; a user is written, and a task that names him",
    verdict="broken",
    codes=("subscription_disabled",),
    mend="manage.py replication enable",
)
def test_a_user_is_late(fault: Fault) -> None:
    user, task = be_late()
    fault.mend(fault.shows()["subscription_disabled"])
    fault.equal()
    assert SQL["agents"].value("SELECT user_id FROM tasks WHERE id = %s", [task]) == user
    fault.left_as_it_was()


@scenario(
    "a transaction on agents that blocks apply",
    injected="a session holds the lock of a task whose user is deleted",
    verdict="lagging",
    codes=("apply_blocked",),
    mend="agents: SELECT pg_terminate_backend(PID)",
)
def test_apply_is_blocked(fault: Fault) -> None:
    with fault.writing() as journal:
        session, task = hold_a_task(fault)
        problem = fault.shows()["apply_blocked"]
        assert f"pid {session.info.backend_pid} (user postgres" in problem["seen"]
        fault.mend(problem)
        fault.equal(journal)
    session.close()
    assert SQL["agents"].rows("SELECT user_id, max_retries FROM tasks WHERE id = %s", [task]) == [(None, 3)]
    fault.left_as_it_was()


@pytest.mark.slow
@scenario(
    "a task committed after its user has gone",
    injected="a transaction inserts a task; meanwhile its user is deleted and that is replicated; then it commits",
    verdict="lagging",
    codes=("orphaned_tasks",),
    mend="agents: UPDATE public.tasks SET user_id = NULL WHERE user_id IN ('...')",
)
def test_a_task_outlives_its_user(fault: Fault) -> None:
    outlive_user(fault)
    fault.mend(fault.shows()["orphaned_tasks"])
    fault.equal()
    assert orphans() == 0
