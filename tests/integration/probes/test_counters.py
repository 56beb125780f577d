"""Errors and conflicts that replication really runs into, in /metrics and in the alerts."""

from pathlib import Path

import pytest
from django.db import connections

from tests.integration.damage import behind_the_guard
from tests.integration.probes.promtools import assert_fires
from tests.integration.probes.scrapes import Samples, scrape, value
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, add_user, wait_for, wait_until_replicated

pytestmark = pytest.mark.usefixtures("committed_pair")
ERRORS, CONFLICTS = "nullstore_replication_apply_errors_total", "nullstore_replication_conflicts_total"
#: Of the alerts, those that are about what was counted; how lag and slots look meanwhile is not certain.
COUNTED = {"nullstore_replication_apply_errors_total", "nullstore_replication_sync_errors_total", CONFLICTS, "pg_up"}


def counted(samples: Samples) -> Samples:
    return {key: found for key, found in samples.items() if key[0] in COUNTED}


def grown(before: Samples, name: str, **labels: str) -> bool:
    return (value(scrape(), name, **labels) or 0) > (value(before, name, **labels) or 0)


def has_conflicts() -> bool:
    return connections["agents"].pg_version >= 180000


@pytest.mark.slow
def test_a_row_that_is_in_the_way(tmp_path: Path) -> None:
    wait_until_replicated(30)
    before = scrape()
    key = "00000000-0000-4000-8000-000000000002"
    behind_the_guard(
        "INSERT INTO user_references (id, source_identifier, network) VALUES (%s, 'in the way', 'email')", [key]
    )
    add_user("arrives late", id=key)
    wait_for(lambda: grown(before, ERRORS))
    if has_conflicts():
        wait_for(lambda: grown(before, CONFLICTS, type="insert_exists"))
    after = scrape()
    behind_the_guard("DELETE FROM user_references")
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")  # else the worker comes back in 5 s
    AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    wait_until_replicated(30)
    expected = {"NullstoreApplyErrors", "NullstoreConflicts"} if has_conflicts() else {"NullstoreApplyErrors"}
    assert_fires(expected, counted(before), counted(after), tmp_path)
    assert_fires(set(), counted(after), counted(after), tmp_path)


def test_a_row_that_is_gone(tmp_path: Path) -> None:
    """An update of it is passed over: no error, and before PostgreSQL 18 nobody is told."""
    user = add_user("gone")
    wait_until_replicated(30)
    before = scrape()
    if not has_conflicts():
        assert not [name for name, _ in before if name == CONFLICTS]
        pytest.skip("Conflicts are counted from PostgreSQL 18 on.")
    behind_the_guard("DELETE FROM user_references WHERE id = %s", [user])
    EREBUS_SQL.run("UPDATE user_references SET email = 'gone@example.com' WHERE id = %s", [user])
    wait_for(lambda: grown(before, CONFLICTS, type="update_missing"))
    after = scrape()
    assert value(after, ERRORS) == value(before, ERRORS)
    assert_fires({"NullstoreConflicts"}, counted(before), counted(after), tmp_path)
