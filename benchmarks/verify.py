"""What `replication verify` costs, beside counting, hashing and reading the same rows without it.

Tables that are the same, and tables of which some rows of the replica were changed behind its guard. Bound: 1.3 times
the bare hash on a million rows or more that are the same; what a run costs beside the hash outweighs it below that.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, Final

from benchmarks import pair
from benchmarks.measure import Figure, Outcome, Point, Ratio, interleaved
from benchmarks.verify_planted import NAMED, planting
from benchmarks.verify_ways import memory_of, through_python

BOUND: Final = 1.3
BOUND_FROM: Final = 1_000_000
#: The way through Python takes seconds per run from so many rows on: it then has so many runs at most.
SLOW_FROM, SLOW_RUNS = 200_000, 2
#: How often a comparison that finds something is timed, and the seconds from which on once has to do.
RUNS, LONG = 3, 60.0


def run(rows: int, *, rounds: int, planted: Sequence[int]) -> Outcome:
    """Compare `rows` users, the same on both servers, and again with each number of `planted` rows that differ.

    Raises RuntimeError if a comparison finds anything but what there is.
    """
    from nullstore.databases import ALIASES
    from nullstore.replication.compare.verification import verify
    from nullstore.replication.fence import wait_until_replicated

    outcome = Outcome(rows=rows)
    wait_until_replicated(600)
    for alias in ALIASES:
        pair.run(alias, "VACUUM ANALYZE user_references")
    with _records_removed():
        identical = _identical(outcome, rounds)
        for count in planted:
            if count > rows / 2:
                outcome.notes.append(f"{count:,} differing rows were left out: more than half of {rows:,}.")
            else:
                _differing(outcome, count, identical)
        _check(verify(), rows, differing=0)
    return outcome


def _identical(outcome: Outcome, rounds: int) -> float:
    """Time the cases on tables that are the same; return the median of verify() in seconds."""
    from nullstore.replication.compare.verification import verify

    rows = outcome.rows
    memory = {"verify": memory_of("verify"), "through Python": memory_of("through Python")}
    with _bare(rows) as cases:
        times = interleaved({**cases, "verify": lambda: _check(verify(), rows, differing=0)}, rounds)
    few = rounds if rows < SLOW_FROM else min(rounds, SLOW_RUNS)
    times |= interleaved({"through Python": partial(through_python, rows)}, few, warm=rows < SLOW_FROM)
    for name, taken in times.items():
        beside = memory[name][1] if name in memory else {}
        outcome.figures.append(Figure.of(f"{name}, identical", "s", taken, **beside))
    medians = {name: median(taken) for name, taken in times.items()}
    _compare(outcome, medians)
    outcome.points.append(Point("verify, identical", rows, medians["verify"], "s"))
    outcome.points.append(Point("verify, peak memory", rows, memory["verify"][0], "MiB"))
    return medians["verify"]


def _compare(outcome: Outcome, medians: dict[str, float]) -> None:
    bound, note = BOUND, ""
    if outcome.rows < BOUND_FROM:
        bound, note = None, f"at most {BOUND} from {BOUND_FROM:,} rows on"
    verified = medians["verify"]
    outcome.ratios.append(Ratio("verify / bare hash", verified / medians["bare hash"], most=bound, note=note))
    outcome.ratios.append(Ratio("verify / count(*)", verified / medians["count(*)"]))
    outcome.ratios.append(Ratio("through Python / verify", medians["through Python"] / verified))


@contextmanager
def _bare(rows: int) -> Iterator[dict[str, Callable[[], None]]]:
    """Yield what asks both servers at once, on connections that are open, for nothing but a count or a hash."""
    from psycopg import sql

    from nullstore.replication.compare.ends import Ends
    from nullstore.replication.compare.tables import table_pairs

    with Ends() as ends:
        [tables] = table_pairs(ends)

        def ask(what: str) -> None:
            source, replica = (
                sql.SQL("SELECT count(*){what} FROM {table} AS t WHERE {where}").format(
                    what=sql.SQL(what).format(hash=side.row_hash()), table=side.table, where=side.where
                )
                for side in (tables.source, tables.replica)
            )
            one, other = ends.both(source, replica, tick=lambda: None)
            if one != other or one[0][0] != rows:
                raise RuntimeError(f"The servers should both have {rows:,} rows and the same hash: {one}, {other}")

        yield {"count(*)": partial(ask, ""), "bare hash": partial(ask, ", bit_xor({hash})")}


def _differing(outcome: Outcome, count: int, identical: float) -> None:
    from nullstore.replication.compare.verification import verify

    name = f"verify, {count:,} differ{'s' if count == 1 else ''}"
    times: list[float] = []
    with planting(count) as keys:
        top, beside = memory_of("verify")  # a warm-up, too
        while len(times) < RUNS and max(times, default=0) <= LONG:
            started = perf_counter()
            found = verify()
            times.append(perf_counter() - started)
            _check(found, outcome.rows, differing=count, keys=keys)
    outcome.figures.append(Figure.of(name, "s", times, **beside))
    outcome.points.append(Point(name, outcome.rows, median(times), "s"))
    outcome.points.append(Point(f"{name}, peak memory", outcome.rows, top, "MiB"))
    outcome.ratios.append(Ratio(f"{name} / identical", median(times) / identical))


def _check(found: Any, rows: int, *, differing: int, keys: Sequence[str] = ()) -> None:
    """Raise RuntimeError unless just these rows were found to differ; `keys` are all of them, or none if too many."""
    counts = (found.source_rows, found.replica_rows, found.different, found.missing, found.extra, found.changing)
    if counts != (rows, rows, differing, 0, 0, 0):
        raise RuntimeError(f"{differing:,} of {rows:,} rows differ, and verify found {counts}")
    expected = [(key, ("metadata",)) for key in sorted(keys)]
    if differing <= NAMED and sorted((each.id, each.columns) for each in found.differences) != expected:
        raise RuntimeError(f"{differing:,} rows differ, and verify names others, or other columns")


@contextmanager
def _records_removed() -> Iterator[None]:
    """Remove the records of the comparisons that the block makes."""
    last = pair.value("erebus", "SELECT coalesce(max(id), 0) FROM verification_runs")
    try:
        yield
    finally:
        pair.run("erebus", f"DELETE FROM verification_runs WHERE id > {last}")
