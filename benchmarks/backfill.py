"""Filling an empty replica: the project's backfill, beside a bare subscription's table sync and COPY piped to COPY."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.bare import SUBSCRIPTION, TABLE, bare_database, copy_users, subscribe, unsubscribe
from benchmarks.load import writes
from benchmarks.measure import Figure, Outcome, Point, Ratio, seconds
from benchmarks.pair import BARE, Place, value
from benchmarks.pair import run as execute

#: At least so many times as fast as the bare subscription, from so many rows on; below, making the slot outweighs them.
BOUND, BOUND_FROM = 1.6, 1_000_000
PATIENCE = 3600
#: Writers beside it, in transactions per second.
LOAD = 1000

#: Seconds: what is not ours is drawn beside it, however it grows.
NOT_JUDGED = 1e9

OURS, SYNC, SYNC_KEY, PIPE = (
    "nullstore",
    "bare subscription, the same indexes",
    "bare subscription, primary key only",
    "COPY | COPY, the same indexes",
)


def run(rows: int, *, rounds: int) -> Outcome:
    """Fill the replica of `rows` users in each way, in turn, `rounds` times after one; s until the rows are all there.

    Then once more each way while LOAD users a second are written, after which the replica has to be equal.
    """
    execute("erebus", f"DROP PUBLICATION IF EXISTS {SUBSCRIPTION}")
    execute("erebus", f"CREATE PUBLICATION {SUBSCRIPTION} FOR TABLE {TABLE}")
    try:
        return _outcome(rows, _quiet(rounds), _loaded())
    finally:
        execute("erebus", f"DROP PUBLICATION {SUBSCRIPTION}")
        execute("erebus", f"DELETE FROM {TABLE} WHERE network = 'load'")
        from nullstore.replication.fence import wait_until_replicated

        wait_until_replicated(PATIENCE)


def _quiet(rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        for name in list(WAYS)[:: 1 if number % 2 else -1]:
            took = WAYS[name]()
            if number:
                times[name].append(took)
    return times


def _loaded() -> dict[str, float]:
    """Time ours and the bare subscription under writers. Raises AssertionError if a row is lost or differs."""
    from nullstore.replication.compare.verification import verify
    from nullstore.replication.fence import wait_until_replicated

    times = {}
    for name in (SYNC, OURS):
        with writes(LOAD) as load:
            times[name] = WAYS[name]()
        assert load.per_second > LOAD / 2, f"only {load.per_second:.0f} writes a second"
    wait_until_replicated(PATIENCE)
    assert verify(timeout=PATIENCE).equal, "after a backfill under writers the replica differs"
    return times


def ours() -> float:
    """Empty the replica, then make the subscription as its migration does; the time of the latter, in seconds."""
    from django.db import connections

    from nullstore.databases import AGENTS
    from nullstore.replication.declared import declared
    from nullstore.replication.guard import LIFT_GUARD
    from nullstore.replication.subscriptions import drop_subscription, ensure_subscription

    wanted, subscriber = declared(), connections[AGENTS]
    assert wanted.subscription is not None
    spec = wanted.subscription
    drop_subscription(subscriber, spec)
    execute(AGENTS, f"BEGIN; {LIFT_GUARD}; TRUNCATE {TABLE}; COMMIT")
    took = seconds(lambda: ensure_subscription(subscriber, spec, lineage=wanted.subscription_lineage))
    _demand_rows()
    return took


def table_sync(*, indexes: bool) -> float:
    """Subscribe an empty bare table; the time until PostgreSQL's initial copy has ended, in seconds."""
    with ExitStack() as stack:
        stack.enter_context(bare_database("agents", indexes=indexes))
        stack.callback(unsubscribe)
        took = seconds(_synchronise)
        _demand_rows(BARE)
    return took


def _synchronise() -> None:
    subscribe()
    deadline = time.monotonic() + PATIENCE
    # d: being copied, f: copied, s and r: has caught up; of those that follow on the copy, none takes time when quiet.
    while value("agents", "SELECT bool_and(srsubstate IN ('s', 'r')) FROM pg_subscription_rel", BARE) is not True:
        assert time.monotonic() < deadline, "the bare subscription does not come to an end"
        time.sleep(0.01)


def pipe() -> float:
    """Copy into an empty bare table; seconds."""
    with bare_database("agents", indexes=True):
        took = seconds(lambda: copy_users("agents"))
        _demand_rows(BARE)
    return took


WAYS: dict[str, Callable[[], float]] = {
    OURS: ours,
    SYNC: lambda: table_sync(indexes=True),
    SYNC_KEY: lambda: table_sync(indexes=False),
    PIPE: pipe,
}


def _demand_rows(place: Place | None = None) -> None:
    """Raise AssertionError if rows are missing that were there before writers came."""
    count = f"SELECT count(*) FROM {TABLE} WHERE network <> 'load'"
    there, here = value("erebus", count), value("agents", count, place)
    assert there == here, f"{here:,} of {there:,} rows have come"


def _outcome(rows: int, quiet: dict[str, list[float]], loaded: dict[str, float]) -> Outcome:
    figures = [
        Figure.of(name, "s", times, rows_per_second=f"{rows / Figure.of(name, 's', times).median:,.0f}")
        for name, times in quiet.items()
    ]
    figures += [Figure.of(f"{name}, {LOAD:,} writes a second", "s", [took]) for name, took in loaded.items()]
    medians = {figure.name: figure.median for figure in figures}
    least = BOUND if rows >= BOUND_FROM else None
    ratios = [
        Ratio("backfill: times as fast as a bare subscription", medians[SYNC] / medians[OURS], least=least),
        *(Ratio(f"backfill: times as fast as {name}", medians[name] / medians[OURS]) for name in (SYNC_KEY, PIPE)),
        Ratio(f"backfill: times as fast as a bare subscription, {LOAD:,} writes a second", loaded[SYNC] / loaded[OURS]),
    ]
    points = [
        Point(f"backfill, {name}", rows, medians[name], "s", floor=0 if name == OURS else NOT_JUDGED) for name in quiet
    ]
    notes = ["After the backfill under writers every row was compared: equal."]
    return Outcome(rows, figures, ratios, points, notes)
