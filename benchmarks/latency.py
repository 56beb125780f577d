"""From a commit on erebus until agents shows it, beside bare tables in a second pair of servers."""

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
from benchmarks.pair import Place, session
from benchmarks.pair import run as execute
from benchmarks.visible import (
    CATCH_UP,
    PAUSE,
    Watch,
    commit_user,
    load_name,
    refuse_difference,
    settle_tables,
    written_is_removed,
)

#: The median of the rounds' ratios of p50.
BOUND = 1.10
#: With fewer rounds on each side, chance alone breaks a bound too often: that of p99 with 3 in one case of 5.
ROUNDS_FOR_BOUND = 8


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

    place: Place | None
    writer: psycopg.Connection
    watch: Watch
    settle: Callable[[], object]

    def probe(self) -> float:
        """Return the milliseconds from the commit of one user until it is seen."""
        user = commit_user(self.writer)
        committed = time.perf_counter()
        self.watch.wait(user)
        return (time.perf_counter() - committed) * 1000


def run(rows: int, *, rounds: int, seconds: float, loads: Sequence[int | None]) -> Outcome:
    """Measure under each of `loads`, in writes per second: 0 is idle, None as many as can be.

    Each of `rounds` rounds probes ours and the bare pair by turns for `seconds` seconds, while so many writes go to
    each; one more before them warms up. The ratio of p50 is the median of the rounds' ratios. For p99, which varies
    widely among equal runs, the median of our rounds' p99 must not exceed the highest p99 of a bare round: a typical
    round of ours is then one that bare tables have, too. Both are bounded from ROUNDS_FOR_BOUND rounds on, where chance
    alone breaks that of p99 in 1 case of 50. Raises TimeoutError and RuntimeError if a row does not arrive.
    """
    outcome = Outcome(rows)
    with written_is_removed(), bare_pair() as bare:
        for place in (None, bare):
            settle_tables(place)
            for alias in ("erebus", "agents"):
                execute(alias, "CHECKPOINT", place)
        with sides(bare) as both:
            for rate in loads:
                _add(outcome, rate, _rounds(both, rate, rounds, seconds))
        for place in (None, bare):
            refuse_difference(place)
    return outcome


@contextmanager
def sides(bare: Place) -> Iterator[dict[str, Side]]:
    """Open the sessions of both sides."""
    from nullstore.replication.fence import wait_until_replicated

    with ExitStack() as stack:

        def side(place: Place | None) -> Side:
            writer, reader = (stack.enter_context(closing(session(alias, place))) for alias in ("erebus", "agents"))
            watch = Watch(reader)
            if place is None:
                return Side(place, writer, watch, lambda: wait_until_replicated(CATCH_UP))
            # What is committed last arrives last.
            return Side(place, writer, watch, lambda: watch.wait(commit_user(writer), CATCH_UP))

        yield {"ours": side(None), "bare": side(bare)}


def _rounds(both: dict[str, Side], rate: int | None, rounds: int, seconds: float) -> dict[str, list[Round]]:
    measured = [_round(both, rate, seconds) for _ in range(rounds + 1)][1:]
    return {name: [each[name] for each in measured] for name in both}


def _round(both: dict[str, Side], rate: int | None, seconds: float) -> dict[str, Round]:
    """Probe both sides by turns while both are written to: the machine is the same for both."""
    times: dict[str, list[float]] = {name: [] for name in both}
    with ExitStack() as stack:
        loads = {name: stack.enter_context(writes(rate, place=side.place)) for name, side in both.items()}
        started = time.perf_counter()
        while (took := time.perf_counter() - started) < seconds:
            for name in random.sample(list(both), len(both)):
                times[name].append(both[name].probe())
                time.sleep(random.uniform(0, PAUSE))
    for side in both.values():
        side.settle()
    return {name: Round(each, loads[name].per_second, len(each) / took) for name, each in times.items()}


def _add(outcome: Outcome, rate: int | None, found: dict[str, list[Round]]) -> None:
    """Add to `outcome` what was found under one load."""
    load = load_name(rate)
    outcome.figures.extend(_figure(f"commit to visible, {load}, {name}", each) for name, each in found.items())
    ratios = [_p50_ratio(load, **found), _p99_ratio(load, **found)]
    if len(found["bare"]) < ROUNDS_FOR_BOUND:
        ratios = [replace(ratio, most=None) for ratio in ratios]
    outcome.ratios.extend(ratios)
    if rate == 0:
        typical = statistics.median(time for each in found["ours"] for time in each.times)
        outcome.points.append(Point("latency, idle", outcome.rows, typical, "ms", waited_for=True))
    if rate is None:
        ours, bare = (_mean_writes(found[name]) for name in ("ours", "bare"))
        outcome.notes.append(
            f"With as many writes as can be, each side has what it can do on its half of the machine: ours "
            f"{ours:,.0f}/s, bare {bare:,.0f}/s. Latencies under that load are not those of an equal number of writes."
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
