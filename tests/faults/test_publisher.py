"""Publication, slot, subscription, role and database: dropped, changed or renamed under the subscription."""

from collections.abc import Callable

import pytest
from django.db import connections
from pytest_django import Settings

from nullstore import conf
from nullstore.replication.connect import connect
from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.injections import (
    disable,
    drop_publication,
    drop_slot,
    drop_subscription,
    lose_slot,
    set_password,
    stop_following,
    take_table_out,
)
from tests.faults.scenarios import REPAIR, RESYNC, subject
from tests.integration.replicas import add_user

scenario = subject(__name__, "Publication, slot and subscription")


@pytest.mark.parametrize(
    "inject",
    [
        pytest.param(
            drop_publication,
            marks=scenario(
                "publication dropped",
                injected="DROP PUBLICATION",
                verdict="broken",
                codes=("publication_missing",),
                mend=RESYNC,
            ),
            id="publication-dropped",
        ),
        pytest.param(
            take_table_out,
            marks=[
                scenario(
                    "table taken out of the publication",
                    injected="ALTER PUBLICATION ... DROP TABLE",
                    verdict="broken",
                    codes=("publication_differs",),
                    mend=RESYNC,
                ),
                pytest.mark.slow,
            ],
            id="table-taken-out",
        ),
        pytest.param(
            drop_slot,
            marks=scenario(
                "slot dropped",
                injected="pg_drop_replication_slot()",
                verdict="broken",
                codes=("slot_missing",),
                mend=RESYNC,
            ),
            id="slot-dropped",
        ),
        pytest.param(
            lose_slot,
            marks=[
                scenario(
                    "slot invalidated",
                    injected="more WAL than max_slot_wal_keep_size while nobody read",
                    verdict="broken",
                    codes=("slot_lost",),
                    mend=RESYNC,
                ),
                pytest.mark.slow,
            ],
            id="slot-invalidated",
        ),
        pytest.param(
            disable,
            marks=[
                scenario(
                    "subscription disabled",
                    injected="ALTER SUBSCRIPTION ... DISABLE",
                    verdict="broken",
                    codes=("subscription_disabled",),
                    mend="manage.py replication enable",
                ),
            ],
            id="subscription-disabled",
        ),
        pytest.param(
            drop_subscription,
            marks=[
                scenario(
                    "subscription dropped, its slot left behind",
                    injected="DROP SUBSCRIPTION after SET (slot_name = NONE)",
                    verdict="broken",
                    codes=("subscription_missing",),
                    mend=RESYNC,
                ),
                pytest.mark.slow,
            ],
            id="subscription-dropped",
        ),
    ],
)
def test_an_object_of_replication_is_gone(fault: Fault, inject: Callable[[], None]) -> None:
    with fault.writing() as journal:
        inject()
        journal.wait_for_commits()  # of what is not replicated
        problems = fault.shows()
        fault.mend(problems[fault.scenario.codes[0]])
        if orphaned := problems.get("slot_orphaned"):
            # By now the new subscription follows a slot of the same name.
            assert manage(f"{orphaned['fix'].removeprefix('manage.py ')} --no-input").code == 2
        fault.equal(journal)
    fault.left_as_it_was()


@pytest.mark.slow
@scenario(
    "replication password changed",
    injected="ALTER ROLE ... PASSWORD on erebus; the walsender that is connected is ended",
    verdict="broken",
    codes=("login_refused",),
    mend=r"In psql on erebus, with the value of REPLICATION_PASSWORD: \password nullblock_replicator",
)
def test_the_password_is_changed(fault: Fault) -> None:
    with fault.writing() as journal:
        set_password("another one", hang_up=True)
        journal.wait_for_commits()
        fault.says(fault.shows()["login_refused"])
        fault.ends()
        set_password(conf.replication_password(), hang_up=False)
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "replication password rotated",
    injected="changed on erebus and in REPLICATION_PASSWORD; the subscription has the old one",
    verdict="broken",
    codes=("connection_differs",),
    mend="manage.py replication reconnect",
)
def test_the_password_is_rotated(fault: Fault, settings: Settings) -> None:
    with fault.writing() as journal:
        settings.REPLICATION_PASSWORD = "the next one"
        set_password("the next one", hang_up=True)
        journal.wait_for_commits()
        fault.mend(fault.shows()["connection_differs"])
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "source database renamed",
    injected="ALTER DATABASE erebus RENAME, and EREBUS_DATABASE_URL changed to the new name",
    verdict="broken",
    codes=("connection_differs",),
    mend="manage.py replication reconnect",
)
def test_the_source_database_is_renamed(fault: Fault) -> None:
    stop_following()
    connections["erebus"].close()
    with fault.pair.server("erebus").connect() as connection:
        connection.execute("ALTER DATABASE erebus RENAME TO users")
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    # The name of before comes back before the pair's own patch does: the other way round it would stay.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections["erebus"].settings_dict, "NAME", "users")
        add_user("after the renaming")
        fault.mend(fault.shows()["connection_differs"])
        fault.equal()


@pytest.mark.slow
@scenario(
    "TRUNCATE of the source",
    injected="TRUNCATE user_references on erebus: refused with SQLSTATE NS002",
    mend="nothing: nothing happened",
)
def test_truncate_is_refused(fault: Fault) -> None:
    said = SQL["erebus"].refusal("TRUNCATE user_references CASCADE")
    assert said.sqlstate == "NS002"
    assert "DELETE" in (said.message_hint or "")
    fault.ends()
    fault.equal()
    assert SQL["agents"].value("SELECT count(*) FROM user_references") == 50


@pytest.mark.slow
@scenario(
    "TRUNCATE of the source with the refusal lifted",
    injected="the owner lifts the refusal and truncates: the replica keeps its rows",
    mend=REPAIR,
)
def test_truncate_is_let_through(fault: Fault) -> None:
    with connect("erebus") as owner, owner.transaction():
        owner.execute("SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)")
        owner.execute("TRUNCATE user_references CASCADE")
    with fault.writing() as journal:
        found = fault.differs()
        assert (found["missing"], found["extra"], found["different"]) == (0, 50, 0)
        fault.repair()
        fault.equal(journal)
