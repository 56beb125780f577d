"""One plan for both databases: what it prints, what interrupts it, and Django's options."""

import logging
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import CommandError
from django.db import connections, models
from django.db.migrations import AddField, RemoveField, RunPython, RunSQL
from django.db.models.signals import post_migrate, pre_migrate

from nullstore.databases import ALIASES
from nullstore.migrating import running
from tests.integration.replicas import AGENTS_SQL, add_user
from tests.integration.schema_changes.changing import (
    BASE,
    Changes,
    applied,
    assert_equal_copies,
    columns,
    migrate,
    recorded,
    state,
)
from tests.integration.schema_changes.writer import writing
from tests.servers import Pair, free_ports

MODEL = "userreference"
NULLABLE = models.CharField(max_length=20, null=True)
ADD = AddField(MODEL, "extra", NULLABLE)
REMOVE = RemoveField(MODEL, "extra")


def test_the_plan_says_what_where_and_why(changes: Changes) -> None:
    changes.both(ADD, name="come")
    changes.both(REMOVE, name="go")
    lines = migrate(plan=True).splitlines()
    assert [line for line in lines if line[0].isdigit()] == [
        "1. agents: agents_app.0006_come",
        "2. erebus: erebus_app.0004_come",
        "3. erebus: erebus_app.0005_go",
        "4. agents: agents_app.0007_go",
    ]
    assert lines[2] == "    Add field extra to userreference"
    assert "    -- before erebus_app.0004_come: else user_references.extra: erebus would send it" in lines[3]
    assert "    -- after a wait until agents has what erebus has" in lines[-1]


def test_a_migration_that_changes_no_replicated_table_keeps_its_place(changes: Changes) -> None:
    changes.both(RunSQL("SELECT 1", "SELECT 1"))
    printed = migrate(plan=True)
    assert "--" not in printed.replace("->", "")
    assert printed.index("erebus: ") < printed.index("agents: ")
    migrate("--database=agents")
    migrate("--database=erebus")


@pytest.mark.parametrize("options", [{"check_unapplied": True}, {"check_unapplied": True, "plan": True}])
def test_check_ends_with_1_and_touches_nothing(changes: Changes, options: dict[str, bool]) -> None:
    migrate(**options)
    changes.both(ADD)
    before = state()
    with pytest.raises(SystemExit) as end:
        migrate(**options)
    assert end.value.code == 1
    assert state() == before


def test_migrated_by_app_there_is_nothing_left_to_do(changes: Changes) -> None:
    """Each database has still to record the other's migration, which does nothing there."""
    changes.both(ADD)
    migrate("agents_app", verbosity=0)
    migrate("erebus_app", verbosity=0)
    migrate(check_unapplied=True)
    assert "No planned migration operations" in migrate(plan=True, check_unapplied=True)
    assert "No migrations to apply" in migrate()


def test_fake_records_and_touches_nothing_in_any_order(changes: Changes) -> None:
    names = changes.both(ADD)
    assert "FAKED" in migrate(fake=True)
    assert [columns(alias) for alias in ALIASES] == [{}, {}]
    assert all(names[alias] in recorded(alias) for alias in ALIASES)
    migrate("agents_app", BASE["agents"], fake=True)
    assert recorded("agents") == {path for path in recorded("agents") if path <= BASE["agents"]}


def test_prune_goes_to_the_apps_home(changes: Changes) -> None:
    names = changes.both(ADD)
    migrate(verbosity=0)
    changes.forget()
    assert names["agents"] in migrate("agents_app", prune=True)
    assert recorded("agents").isdisjoint({names["agents"]})


def test_djangos_other_options_are_taken(changes: Changes) -> None:
    changes.both(ADD)
    printed = migrate(run_syncdb=True, fake_initial=True, interactive=False)
    assert "Creating tables..." in printed
    assert columns("erebus") == columns("agents") != {}


def test_verbosity_0_says_nothing(changes: Changes) -> None:
    changes.both(ADD)
    assert migrate(verbosity=0) == ""


def test_what_replication_logs_is_shown_below_its_migration(changes: Changes) -> None:
    changes.both(RunPython(log_something))
    assert "(erebus)... OK\n    as declared, nothing to change\n  Applying agents_app" in migrate()
    assert logging.getLogger("nullstore.replication").handlers == []


def log_something(models: Any, schema_editor: Any) -> None:
    logging.getLogger("nullstore.replication.test").info("as declared, %s", "nothing to change")


def test_signals_are_sent_once_for_each_database(changes: Changes) -> None:
    sent: list[tuple[str, str]] = []
    config = apps.get_app_config("erebus_app")

    def receive(signal: Any, using: str, **kwargs: Any) -> None:
        sent.append(("before" if signal is pre_migrate else "after", using))

    changes.both(ADD)
    changes.both(REMOVE)
    for signal in (pre_migrate, post_migrate):
        signal.connect(receive, sender=config)
    try:
        migrate(verbosity=0)
    finally:
        for signal in (pre_migrate, post_migrate):
            signal.disconnect(receive, sender=config)
    assert sorted(sent) == [("after", "agents"), ("after", "erebus"), ("before", "agents"), ("before", "erebus")]
    permission = Permission.objects.using("erebus").filter(codename="view_userreference")
    assert permission.filter(content_type__app_label="agents_app").count() == 1


def test_a_plan_that_fails_half_way_goes_on_with_the_next_run(changes: Changes) -> None:
    changes.write("agents", ADD)
    name = changes.write("erebus", ADD, RunSQL("SELECT 1 / 0"))
    with writing():
        with pytest.raises(CommandError, match="division by zero"):
            migrate()
        assert ("extra" in columns("agents"), "extra" in columns("erebus")) == (True, False)
        assert name not in recorded("erebus")
        changes.forget()
        changes.both(ADD)
        assert "agents_app" not in migrate().split("Running migrations:")[1]
    assert_equal_copies()
    assert columns("erebus") == columns("agents") != {}


@pytest.mark.parametrize("dead", ALIASES)
def test_a_dead_server_is_found_before_anything_is_touched(
    changes: Changes, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes.both(ADD)
    before = state()
    with monkeypatch.context() as patch:
        patch.setitem(connections[dead].settings_dict, "PORT", str(free_ports(1)[0]))
        connections[dead].close()
        for arguments in ([], ["erebus_app"], ["agents_app"]):
            with pytest.raises(CommandError, match=f"No answer from {dead}"):
                migrate(*arguments)
    assert state() == before


def test_a_replica_that_does_not_follow_keeps_what_is_on_its_way(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(changes, ADD)
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    add_user("on its way", extra="a value")
    names = changes.both(REMOVE)
    monkeypatch.setattr(running, "FENCE_TIMEOUT", 0.2)
    with pytest.raises(
        CommandError, match=rf"{names['agents']} was not applied: .*manage.py replication wait"
    ) as caught:
        migrate()
    assert "its apply worker does not run" in str(caught.value)
    assert ("extra" in columns("erebus"), "extra" in columns("agents")) == (False, True)
    with pytest.raises(CommandError, match="was not applied"):
        migrate("agents_app")
    monkeypatch.undo()
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    migrate("agents_app", verbosity=0)
    assert_equal_copies()
    assert columns("agents") == {}


def test_the_databases_are_believed_not_the_records(changes: Changes) -> None:
    """Recorded as applied on agents, and dropped there by hand."""
    changes.write("agents", ADD)
    migrate(verbosity=0)
    AGENTS_SQL.run("ALTER TABLE user_references DROP COLUMN extra")
    changes.write("erebus", ADD)
    before = state()
    for arguments in ([], ["erebus_app"]):
        with pytest.raises(CommandError, match="erebus would send it and agents lacks it"):
            migrate(*arguments)
    assert state() == before


def test_what_has_changed_since_the_plan_was_made_is_seen(changes: Changes) -> None:
    """The replica's column is gone again when it is the source's turn."""
    changes.write("agents", ADD, RunSQL("ALTER TABLE user_references DROP COLUMN extra"))
    changes.write("erebus", ADD)
    with pytest.raises(CommandError, match=r"erebus_app\.0004_change: .* erebus would send it and agents lacks it"):
        migrate()
    assert columns("erebus") == {}


def test_a_source_that_nobody_follows_is_not_bound(
    changes: Changes, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Django makes the test database of erebus, the alias agents still leads to the real one, subscribed."""
    changes.both(ADD)
    with pair.erebus.connect() as connection:
        connection.execute("CREATE DATABASE nobody_follows")
        with monkeypatch.context() as patch:
            patch.setitem(connections["erebus"].settings_dict, "NAME", "nobody_follows")
            connections["erebus"].close()
            migrate("--database=erebus", verbosity=0)
            assert "extra" in columns("erebus")
            changes.both(REMOVE)
            migrate("--database=erebus", verbosity=0)
            assert columns("erebus") == {}
            connections["erebus"].close()
        connection.execute("DROP DATABASE nobody_follows")
