"""From a commit on erebus until agents shows it, beside bare tables that replicate in the same servers."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

import psycopg

from benchmarks.bare import bare_pair
from benchmarks.load import writes
from benchmarks.measure import Figure, Outcome, Point, Ratio, percentile
from benchmarks.pair import BARE, session, value
from benchmarks.pair import run as execute
from benchmarks.visible import (
    CATCH_UP,
    PAUSE,
    Watch,
    commit_user,
    load_name,
    refuse_difference,
    settle_tables,
    turns,
    written_is_removed,
)

#: The median of the rounds' ratios of p50.
BOUND = 1.10
#: With fewer rounds on each side, chance alone breaks a bound too often: that of p99 with 3 in one case of 5.
ROUNDS_FOR_BOUND = 8
#: Of tables that are not equally large nothing is promised.
MOST_BARE_ROWS = 1_000_000

_FILL = """
INSERT INTO user_references (source_identifier, network)
SELECT 'bare-' || number, 'bare' FROM generate_series(1, {rows}) AS number
"""
_FILLED = """
SELECT count(*) = {rows} AND NOT EXISTS (SELECT FROM pg_subscription_rel WHERE srsubstate <> 'r') FROM user_references
"""


@dataclass(frozen=True)
class Round:
    """The latencies of one round's probes in milliseconds, and what the load beside them did."""

    times: list[float]
    writes: float
    probes: float

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        return percentile(self.times, 0.99)


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: its sessions, and how to wait until its replica has caught up."""

    dbname: str | None
    writer: psycopg.Connection
    watch: Watch
    settle: Callable[[], object]

    def round(self, rate: int | None, seconds: float) -> Round:
        with writes(rate, dbname=self.dbname) as load:
            started = time.perf_counter()
            times = list(self._probes(started + seconds))
            took = time.perf_counter() - started
        self.settle()
        return Round(times, load.per_second, len(times) / took)

    def probe(self) -> float:
        """Return the milliseconds from the commit of one user until it is seen."""
        user = commit_user(self.writer)
        committed = time.perf_counter()
        self.watch.wait(user)
        return (time.perf_counter() - committed) * 1000

    def _probes(self, until: float) -> Iterator[float]:
        while time.perf_counter() < until:
            yield self.probe()
            time.sleep(random.uniform(0, PAUSE))


def run(rows: int, *, rounds: int, seconds: float, loads: Sequence[int | None]) -> Outcome:
    """Measure under each of `loads`, in writes per second: 0 is idle, None as many as can be.

    Each of `rounds` rounds has `seconds` seconds of probes on ours and as many on the bare pair, idle by turns, under a
    load one after the other, for each has its own; one more round before them warms up. The ratio of p50 is the median
    of the rounds' ratios. For p99, which varies widely among equal runs, the median of our rounds' p99 must not exceed
    the highest p99 of a bare round: a typical round of ours is then one that bare tables have, too. Both are bounded
    from ROUNDS_FOR_BOUND rounds on, where chance alone breaks that of p99 in 1 case of 50, and where both tables are
    equally large. Raises TimeoutError and
    RuntimeError if a row does not arrive.
    """
    outcome = Outcome(rows)
    if rows > MOST_BARE_ROWS:
        outcome.notes.append(f"The bare tables have {MOST_BARE_ROWS:,} users: larger ones take longer by themselves.")
    with written_is_removed(), bare_pair():
        _fill_bare(min(rows, MOST_BARE_ROWS))
        settle_tables()
        for alias in ("erebus", "agents"):
            execute(alias, "CHECKPOINT")
        with sides() as both:
            for rate in loads:
                _add(outcome, rate, _rounds(both, rate, rounds, seconds))
        for dbname in (None, BARE):
            refuse_difference(dbname)
    return outcome


@contextmanager
def sides() -> Iterator[dict[str, Side]]:
    """Open the sessions of both sides."""
    from nullstore.replication.fence import wait_until_replicated

    with ExitStack() as stack:

        def side(dbname: str | None) -> Side:
            writer, reader = (stack.enter_context(closing(session(alias, dbname))) for alias in ("erebus", "agents"))
            watch = Watch(reader)
            if dbname is None:
                return Side(dbname, writer, watch, lambda: wait_until_replicated(CATCH_UP))
            # What is committed last arrives last.
            return Side(dbname, writer, watch, lambda: watch.wait(commit_user(writer), CATCH_UP))

        yield {"ours": side(None), "bare": side(BARE)}


def _rounds(both: dict[str, Side], rate: int | None, rounds: int, seconds: float) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in both}
    if rate == 0:
        for number in range(rounds + 1):
            measured = _idle_round(both, 2 * seconds)
            for name in both if number else ():
                found[name].append(measured[name])
        return found
    for name, counts in turns(list(both), rounds):
        measured = both[name].round(rate, seconds)
        if counts:
            found[name].append(measured)
    return found


def _idle_round(both: dict[str, Side], seconds: float) -> dict[str, Round]:
    """Probe both sides by turns, which without a load can share a round: the machine is the same for both."""
    times: dict[str, list[float]] = {name: [] for name in both}
    started = time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        for name in random.sample(list(both), len(both)):
            times[name].append(both[name].probe())
            time.sleep(random.uniform(0, PAUSE))
    return {name: Round(each, 0, len(each) / took) for name, each in times.items()}


def _add(outcome: Outcome, rate: int | None, found: dict[str, list[Round]]) -> None:
    """Add to `outcome` what was found under one load."""
    load = load_name(rate)
    outcome.figures.extend(_figure(f"commit to visible, {load}, {name}", each) for name, each in found.items())
    ratios = [_p50_ratio(load, **found), _p99_ratio(load, **found)]
    if outcome.rows > MOST_BARE_ROWS or len(found["bare"]) < ROUNDS_FOR_BOUND:
        ratios = [replace(ratio, most=None) for ratio in ratios]
    outcome.ratios.extend(ratios)
    if rate == 0:
        typical = statistics.median(time for each in found["ours"] for time in each.times)
        outcome.points.append(Point("latency, idle", outcome.rows, typical, "ms", waited_for=True))
    if rate is None:
        ours, bare = (_mean_writes(found[name]) for name in ("ours", "bare"))
        outcome.notes.append(
            f"With as many writes as can be, each side has the number that it can do: ours {ours:,.0f}/s, bare "
            f"{bare:,.0f}/s. Latencies under that load are not those of an equal number of writes."
        )


def _figure(name: str, rounds: list[Round]) -> Figure:
    beside = {
        "writes/s": f"{_mean_writes(rounds):,.0f}",
        "probes/s": f"{statistics.mean(each.probes for each in rounds):,.0f}",
    }
    return Figure.of(name, "ms", [time for each in rounds for time in each.times], **beside)


def _p50_ratio(load: str, ours: list[Round], bare: list[Round]) -> Ratio:
    ratios = [one.p50 / other.p50 for one, other in zip(ours, bare, strict=True)]
    note = f"rounds: {min(ratios):.2f} to {max(ratios):.2f}"
    return Ratio(f"p50, ours / bare, {load}", statistics.median(ratios), most=BOUND, note=note)


def _p99_ratio(load: str, ours: list[Round], bare: list[Round]) -> Ratio:
    typical, spread = statistics.median(each.p99 for each in ours), [each.p99 for each in bare]
    note = f"ours {typical:.2f} ms; bare rounds {min(spread):.2f} to {max(spread):.2f} ms"
    return Ratio(f"p99, beside the widest bare round, {load}", typical / max(spread), most=1.0, note=note)


def _mean_writes(rounds: list[Round]) -> float:
    return statistics.mean(each.writes for each in rounds)


def _fill_bare(rows: int) -> None:
    """Give the bare pair a primary key of like size. Raises TimeoutError if the replica does not follow."""
    execute("erebus", _FILL.format(rows=rows), BARE)
    deadline = time.monotonic() + CATCH_UP
    while not value("agents", _FILLED.format(rows=rows), BARE):
        if time.monotonic() > deadline:
            raise TimeoutError(f"The bare replica does not have {rows:,} users after {CATCH_UP:.0f} s.")
        time.sleep(0.1)
    settle_tables(BARE)
