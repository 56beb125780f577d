"""How long the fence makes its callers wait, beside callers that poll the replica for their own row."""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.load import writes
from benchmarks.measure import Figure, Outcome, Point, Ratio
from benchmarks.pair import session
from benchmarks.visible import (
    PATIENCE,
    PAUSE,
    Watch,
    commit_user,
    load_name,
    refuse_difference,
    settle_tables,
    turns,
    written_is_removed,
)

#: Writes per second beside the clients.
LOADS = (0, 1000)
COMMAND = "replication wait (command)"
#: The case of one person who waits.
PERSON = "idle, 1 client"
#: As few runs of the command as can be called a measurement.
FEWEST_COMMANDS = 3

#: What a client does from its commit on until it knows that the replica has its user.
Wait = Callable[[Watch, UUID], object]
#: The waits of each round, in milliseconds, by the way of waiting.
Rounds = dict[str, list[list[float]]]


def run(rows: int, *, rounds: int, seconds: float, clients: Sequence[int] = (1, 50)) -> Outcome:
    """Measure each way to wait for `seconds` seconds in each of `rounds` rounds, after one that warms up.

    Every client is a thread with connections of its own: it commits a user, waits, and then looks whether the replica
    shows it. Times are from the return of the commit to the return of the wait. Polling is without any pause, which is
    the fastest way by hand: with one client that is the replication latency itself. Clients share one process, whose
    interpreter is a part of the time when they are many. Raises RuntimeError if a wait ends before its user is visible,
    and TimeoutError or ReplicationTimeout if one does not end.
    """
    outcome = Outcome(rows)
    with written_is_removed():
        settle_tables()
        for count in clients:
            with crowd(count) as all_do:
                for rate in LOADS:
                    with writes(rate) as load:
                        found = _rounds(all_do, rounds, seconds)
                    beside = {"writes/s beside": f"{load.per_second:,.0f}"}
                    _add(outcome, f"{load_name(rate)}, {_clients(count)}", found, beside)
        _add_command(outcome, max(rounds, FEWEST_COMMANDS))
        refuse_difference()
    return outcome


@contextmanager
def crowd(count: int) -> Iterator[Callable[[Callable[[], Any]], list[Any]]]:
    """Give a function that has `count` threads do the same at once; they keep Django's connections until the end."""
    from django.db import connections

    with ThreadPoolExecutor(count) as pool:

        def all_do(act: Callable[[], Any]) -> list[Any]:
            # Nobody passes before all are there: so each thread does it exactly once.
            together = Barrier(count, timeout=2 * PATIENCE)
            futures = [pool.submit(lambda: (together.wait(), act())[1]) for _ in range(count)]
            return [future.result() for future in futures]

        try:
            yield all_do
        finally:
            all_do(connections.close_all)


def _rounds(all_do: Callable[[Callable[[], Any]], list[Any]], rounds: int, seconds: float) -> Rounds:
    ways: dict[str, Wait] = {"fence": _fence, "poll": Watch.wait}
    found: Rounds = {name: [] for name in ways}
    for name, counts in turns(list(ways), rounds):
        times = [time for each in all_do(partial(_client, ways[name], seconds)) for time in each]
        if counts:
            found[name].append(times)
    return found


def _fence(watch: Watch, user: UUID) -> None:
    from nullstore.replication.fence import wait_until_replicated

    wait_until_replicated(PATIENCE)


def _client(wait: Wait, seconds: float) -> list[float]:
    """Commit and wait for `seconds` seconds; return how long each wait was, in milliseconds."""
    writer, watch = _own_session("erebus"), Watch(_own_session("agents"))
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        user = commit_user(writer)
        committed = time.perf_counter()
        wait(watch, user)
        times.append((time.perf_counter() - committed) * 1000)
        _refuse_unseen(watch, user)
        time.sleep(random.uniform(0, PAUSE))
    return times


def _own_session(alias: str) -> psycopg.Connection:
    """Return the session of this thread's Django connection, which is the one that the fence asks, too."""
    from django.db import connections

    connections[alias].ensure_connection()
    own: psycopg.Connection = connections[alias].connection
    return own


def _refuse_unseen(watch: Watch, user: UUID) -> None:
    if not watch.sees(user):
        raise RuntimeError(f"The wait for user {user} has ended, and the replica does not show it.")


def _add(outcome: Outcome, case: str, found: Rounds, beside: dict[str, str]) -> None:
    """Add to `outcome` what was found with one number of clients under one load."""
    for name, rounds in found.items():
        outcome.figures.append(Figure.of(f"{name}, {case}", "ms", [time for each in rounds for time in each], **beside))
    outcome.ratios.append(_ratio(case, **found))
    if case == PERSON:
        typical = statistics.median(time for each in found["fence"] for time in each)
        outcome.points.append(Point(f"fence, {case}", outcome.rows, typical, "ms", waited_for=True))


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _ratio(case: str, fence: list[list[float]], poll: list[list[float]]) -> Ratio:
    """Return the median of the rounds' ratios; nothing is promised, as the fence says more than a row of one's own."""
    medians = [(statistics.median(one), statistics.median(other)) for one, other in zip(fence, poll, strict=True)]
    over = statistics.median(one - other for one, other in medians)
    ratio = statistics.median(one / other for one, other in medians)
    return Ratio(f"p50, fence / poll, {case}", ratio, note=f"{over:+.2f} ms")


def _add_command(outcome: Outcome, runs: int) -> None:
    """Add what `manage.py replication wait` takes after a commit, with the start of Python and Django; seconds."""
    with closing(session("erebus")) as writer, closing(session("agents")) as reader:
        [_, *found] = [_command(writer, Watch(reader)) for _ in range(1 + runs)]
    times, waits = zip(*found, strict=True)
    beside = {"of that waiting": f"{statistics.median(waits) * 1000:.1f} ms"}
    outcome.figures.append(Figure.of(COMMAND, "s", times, **beside))
    outcome.points.append(Point(COMMAND, outcome.rows, statistics.median(times), "s", waited_for=True))


def _command(writer: psycopg.Connection, watch: Watch) -> tuple[float, float]:
    """Return how long the command took, and how long it says it has waited. Raises CalledProcessError if it fails."""
    words = [sys.executable, "manage.py", "replication", "wait", "--json"]
    root = Path(__file__).resolve().parent.parent
    user = commit_user(writer)
    committed = time.perf_counter()
    done = subprocess.run(words, cwd=root, env=os.environ, check=True, stdout=subprocess.PIPE)
    took = time.perf_counter() - committed
    _refuse_unseen(watch, user)
    return took, json.loads(done.stdout)["seconds"]
