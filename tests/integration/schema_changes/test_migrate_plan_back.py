"""The way back over changes of the replicated table, over the subscription too, and forth again."""

import pytest
from django.core.management import CommandError
from django.db import models, transaction
from django.db.migrations import AddField, RemoveField

from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.guard import LIFT_GUARD
from tests.integration.replicas import AGENTS_SQL, TIMEOUT, add_task, add_user
from tests.integration.schema_changes.changing import (
    BASE,
    Changes,
    applied,
    assert_equal_copies,
    columns,
    migrate,
    state,
)
from tests.integration.schema_changes.writer import writing

MODEL = "userreference"
NULLABLE = models.CharField(max_length=20, null=True)
ADD = AddField(MODEL, "extra", NULLABLE)
REMOVE = RemoveField(MODEL, "extra")


def test_back_over_a_column_that_came(changes: Changes) -> None:
    applied(changes, ADD)
    with writing():
        with pytest.raises(CommandError, match=r"Run first: manage.py migrate erebus_app 0003_replication\.$"):
            migrate("agents_app", BASE["agents"])
        assert "extra" in columns("agents")
        migrate("erebus_app", BASE["erebus"])
        migrate("agents_app", BASE["agents"])
    assert_equal_copies()
    assert columns("agents") == columns("erebus") == {}


def test_back_over_a_column_that_went(changes: Changes) -> None:
    applied(changes, ADD, REMOVE)
    with writing():
        with pytest.raises(CommandError, match=r"Run first: manage.py migrate agents_app 0006_step_0\.$"):
            migrate("erebus_app", "0004_step_0")
        assert columns("erebus") == {}
        migrate("agents_app", "0006_step_0")
        migrate("erebus_app", "0004_step_0")
    assert_equal_copies()
    assert columns("agents") == columns("erebus") != {}


def test_unsubscribing_over_a_change_goes_back_on_the_source_first_and_all_is_found_again(changes: Changes) -> None:
    """Else the rows of the replica would be without the column's values when it is subscribed again."""
    applied(changes, ADD)
    add_user("before", extra="a value")
    wait_until_replicated(TIMEOUT)
    with pytest.raises(CommandError, match=r"Run first: manage.py migrate erebus_app 0003_replication\.$"):
        migrate("agents_app", "0004")
    migrate("erebus_app", BASE["erebus"], verbosity=0)
    migrate("agents_app", "0004", verbosity=0)
    add_user("meanwhile")
    planned = [line.split()[2] for line in migrate(plan=True).splitlines() if line[0].isdigit()]
    assert planned == ["agents_app.0005_replication", "agents_app.0006_step_0", "erebus_app.0004_step_0"]
    migrate()
    add_user("after", extra="another value")
    assert_equal_copies()
    assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 3


def test_a_replica_with_rows_is_not_subscribed_without_a_column_that_the_source_has(changes: Changes) -> None:
    applied(changes, ADD)
    user = add_user("before", extra="a value")
    wait_until_replicated(TIMEOUT)
    task = add_task(user)
    migrate("erebus_app", BASE["erebus"], verbosity=0)
    migrate("agents_app", "0004", verbosity=0)
    migrate("erebus_app", verbosity=0)
    found = state()
    for arguments in ([], ["agents_app"]):
        with pytest.raises(CommandError, match=r"agents has rows, .* Migrate erebus back"):
            migrate(*arguments)
    assert state() == found
    with transaction.atomic(using="agents"):
        AGENTS_SQL.run(LIFT_GUARD)
        AGENTS_SQL.run("TRUNCATE user_references")
    migrate(verbosity=0)
    assert_equal_copies()
    assert AGENTS_SQL.value("SELECT extra FROM user_references") is None
    add_user("after", extra="a value")
    assert_equal_copies()
    assert AGENTS_SQL.rows("DELETE FROM tasks RETURNING id, user_id") == [(task, user)]
