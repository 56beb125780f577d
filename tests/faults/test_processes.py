"""Processes and servers that die, while users are being written."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connections
from pytest_django import Settings

from nullstore.exceptions import ReplicationError
from tests.faults.faults import SQL, Fault
from tests.faults.injections import APPLY_WORKER, SYNC_WORKER, WALSENDER, Place, again_and_again, kill
from tests.faults.scenarios import RESYNC, START, subject
from tests.integration.replicas import (
    SUBSCRIPTION,
    backwards,
    empty_the_replica,
    forwards,
    somebody_reads_the_replica,
    wait_for,
)

scenario = subject(__name__, "Processes and servers")

WHOLE_SERVER = "SIGKILL to the {}; its server then restarts all of its processes"


@scenario("nothing but load", injected="users are written without pause while status is asked 20 times")
def test_no_false_alarm_under_load(fault: Fault) -> None:
    with fault.writing(4) as journal:
        for _ in range(20):
            found = fault.status()
            assert found["verdict"] == "ok", found["problems"]
        fault.ends()
        fault.equal(journal)
    fault.left_as_it_was()


@pytest.mark.parametrize(
    ("place", "number"),
    [
        pytest.param(
            WALSENDER,
            signal.SIGTERM,
            marks=scenario("walsender terminated", injected="SIGTERM to the walsender"),
            id="walsender-terminated",
        ),
        pytest.param(
            WALSENDER,
            signal.SIGKILL,
            marks=[scenario("walsender killed", injected=WHOLE_SERVER.format("walsender")), pytest.mark.slow],
            id="walsender-killed",
        ),
        pytest.param(
            APPLY_WORKER,
            signal.SIGTERM,
            marks=scenario("apply worker terminated", injected="SIGTERM to the apply worker"),
            id="apply-terminated",
        ),
        pytest.param(
            APPLY_WORKER,
            signal.SIGKILL,
            marks=[scenario("apply worker killed", injected=WHOLE_SERVER.format("apply worker")), pytest.mark.slow],
            id="apply-killed",
        ),
    ],
)
def test_a_process_of_replication_dies(fault: Fault, place: Place, number: int) -> None:
    with fault.writing() as journal:
        kill(fault, place, number)
        fault.ends()
        fault.equal(journal)
    fault.left_as_it_was()


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(
            signal.SIGTERM,
            marks=scenario(
                "table sync terminated half way",
                injected="SIGTERM to the worker of the initial copy after half of 20,000 rows",
                verdict="syncing",
                codes=("table_not_ready",),
            ),
            id="terminated",
        ),
        pytest.param(
            signal.SIGKILL,
            marks=scenario(
                "table sync killed half way",
                injected=f"after half of 20,000 rows, {WHOLE_SERVER.format('worker of the initial copy')}",
                verdict="syncing",
                codes=("table_not_ready",),
            ),
            id="killed",
        ),
    ],
)
def test_the_table_sync_dies_half_way(fault: Fault, settings: Settings, number: int) -> None:
    prepare_for_a_copy()
    settings.NULLSTORE_SLOT_TIMEOUT = 2
    with somebody_reads_the_replica():
        forwards(SUBSCRIPTION, "agents")
    wait_for(stands_half_way)
    fault.shows()
    SQL["agents"].run("DELETE FROM half_way")
    with fault.writing() as journal:
        kill(fault, SYNC_WORKER, number)
        fault.ends()
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "backfill killed half way",
    injected=f"while the indexes of 20,000 rows are made, {WHOLE_SERVER.format('session that fills the replica')}",
    verdict="broken",
    codes=("subscription_missing",),
    mend=RESYNC,
)
def test_the_backfill_dies_half_way(fault: Fault) -> None:
    prepare_for_a_copy()
    with ThreadPoolExecutor(1) as pool:
        filling = pool.submit(subscribe_in_a_thread)
        wait_for(stands_half_way)
        kill(fault, ("agents", "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), signal.SIGKILL)
        # Ours, or Django's where its connection meets the server that is not back yet.
        assert isinstance(filling.exception(), (ReplicationError, OperationalError))
    wait_for(lambda: fault.pair.server("agents").is_running())
    problems = fault.shows()
    SQL["agents"].run("DELETE FROM half_way")
    assert SQL["agents"].value("SELECT count(*) FROM user_references") == 0
    with fault.writing() as journal:
        fault.mend(problems["subscription_missing"])
        fault.equal(journal)


def subscribe_in_a_thread() -> None:
    try:
        forwards(SUBSCRIPTION, "agents")
    finally:
        connections.close_all()  # Django's are the thread's own


def prepare_for_a_copy() -> None:
    """Leave agents without subscription and users, erebus with 20,000; copying them stops in the middle."""
    # Not by migrations: those after the subscription build indexes, which wait for the copy to end.
    backwards(SUBSCRIPTION, "agents")
    empty_the_replica()
    SQL["agents"].run("TRUNCATE applied")
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'copied-' || n, 'email' FROM generate_series(1, 20000) AS n"
    )
    SQL["agents"].run(STOP_HALF_WAY)


def stands_half_way() -> bool:
    return bool(SQL["agents"].rows("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))


#: The copy stops in its middle if there is a row in half_way: that of table sync in its rows, ours in this index.
STOP_HALF_WAY = """
    CREATE TABLE public.half_way AS SELECT 1;
    CREATE FUNCTION public.stop_half_way(name text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF name = 'copied-10000' THEN
            PERFORM pg_sleep(600) FROM public.half_way;
        END IF;
        RETURN 1;
    END $$;
    CREATE INDEX stop_half_way ON public.user_references (public.stop_half_way(source_identifier));
"""
UNREACHABLE = {"erebus": "publisher_unreachable", "agents": "subscriber_unreachable"}


def down(name: str, injected: str, *aliases: str) -> pytest.MarkDecorator:
    codes = tuple(UNREACHABLE[alias] for alias in aliases)
    return scenario(name, injected=injected, verdict="broken", codes=codes, mend=START)


@pytest.mark.parametrize(
    ("aliases", "crash"),
    [
        pytest.param(
            ("erebus",),
            True,
            marks=[down("server of erebus killed", "SIGKILL to its postmaster", "erebus"), pytest.mark.slow],
            id="erebus-killed",
        ),
        pytest.param(
            ("agents",),
            True,
            marks=down("server of agents killed", "SIGKILL to its postmaster", "agents"),
            id="agents-killed",
        ),
        pytest.param(
            ("erebus", "agents"),
            True,
            marks=[
                down("both servers killed", "SIGKILL to both postmasters", "erebus", "agents"),
                pytest.mark.slow,
            ],
            id="both-killed",
        ),
        pytest.param(
            ("erebus",),
            False,
            marks=[down("immediate shutdown of erebus", "SIGQUIT to its postmaster", "erebus"), pytest.mark.slow],
            id="erebus-immediate",
        ),
        pytest.param(
            ("agents",),
            False,
            marks=[down("immediate shutdown of agents", "SIGQUIT to its postmaster", "agents"), pytest.mark.slow],
            id="agents-immediate",
        ),
        pytest.param(
            ("erebus", "agents"),
            False,
            marks=[
                down("immediate shutdown of both", "SIGQUIT to both postmasters", "erebus", "agents"),
                pytest.mark.slow,
            ],
            id="both-immediate",
        ),
    ],
)
def test_a_server_goes_down(fault: Fault, aliases: tuple[str, ...], crash: bool) -> None:
    with fault.writing() as journal:
        if crash:
            fault.pair.crash(*aliases)
        else:
            fault.pair.stop(*aliases, mode="immediate")
        for problem in fault.shows().values():
            fault.says(problem)
        fault.ends()
        fault.pair.start(*aliases)
        fault.equal(journal)
    fault.left_as_it_was()


@pytest.mark.slow
@scenario("one after another, without a rest", injected="all of the above twelve times in a row, in turn")
def test_again_and_again(fault: Fault) -> None:
    with fault.writing() as journal:
        again_and_again(fault, journal)
        fault.ends()
        fault.equal(journal)
    fault.left_as_it_was()
