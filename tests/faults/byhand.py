"""What people do to the replica past its guard, and to tasks while their users go."""

import uuid
from typing import Any

import psycopg

from tests.faults.faults import SQL, Fault
from tests.faults.injections import disable
from tests.integration.replicas import GUARD, add_task, add_user, wait_until_replicated


def past_the_guard(statement: str) -> None:
    SQL["agents"].run(f"BEGIN; SET LOCAL session_replication_role = replica; {statement}; COMMIT")


def change_rows_by_hand() -> None:
    past_the_guard("UPDATE user_references SET email = 'x@example.com' WHERE source_identifier = 'user-1'")
    past_the_guard("DELETE FROM user_references WHERE source_identifier = 'user-2'")
    past_the_guard("INSERT INTO user_references (source_identifier, network) VALUES ('ghost', 'email')")


def conflict() -> None:
    """A row in the replica, then one with the same id in the source."""
    key = uuid.uuid4()
    past_the_guard(f"INSERT INTO user_references (id, source_identifier, network) VALUES ('{key}', 'by hand', 'email')")
    add_user("the real one", id=key)


def refuse_a_row() -> None:
    """A CHECK on the replica, and a row that breaks it."""
    SQL["agents"].run("ALTER TABLE user_references ADD CONSTRAINT by_hand CHECK (network <> 'refused')")
    SQL["erebus"].insert("user_references", source_identifier="refused", network="refused")


def drop_column() -> None:
    SQL["agents"].run("ALTER TABLE user_references DROP COLUMN preferences")


def drop_guard() -> None:
    """Then anybody can write the replica, and somebody does."""
    SQL["agents"].run(f"DROP TRIGGER {GUARD.name} ON user_references")
    SQL["agents"].run("UPDATE user_references SET email = 'y@example.com' WHERE source_identifier = 'user-3'")


def be_late() -> tuple[Any, Any]:
    """A user who does not arrive, and a task that names him."""
    disable()
    user = add_user("late")
    return user, add_task(user)


def hold_a_task(fault: Fault) -> tuple[psycopg.Connection, Any]:
    """Delete a user while a session, which the caller closes, holds the lock of his task."""
    user = add_user("blocked")
    task = add_task(user)
    wait_until_replicated(30)
    session = fault.connect("agents")
    session.execute("BEGIN")
    session.execute("UPDATE tasks SET max_retries = 9 WHERE id = %s", [task])
    SQL["erebus"].run("DELETE FROM user_references WHERE id = %s", [user])
    return session, task


def outlive_user(fault: Fault) -> None:
    """Commit a task whose user has gone meanwhile."""
    user = add_user("gone")
    wait_until_replicated(30)
    with fault.connect("agents") as session:
        session.execute("BEGIN")
        session.execute("INSERT INTO tasks (name, user_id) VALUES ('late', %s)", [user])
        SQL["erebus"].run("DELETE FROM user_references WHERE id = %s", [user])
        wait_until_replicated(30)
        session.execute("COMMIT")


def orphans() -> int:
    """How many tasks name users that the replica does not have."""
    count: int = SQL["agents"].value(
        "SELECT count(*) FROM tasks AS t WHERE user_id IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM user_references AS u WHERE u.id = t.user_id)"
    )
    return count
