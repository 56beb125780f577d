"""What `manage.py replication verify` costs, beside the hash that it computes run bare on both servers at once.

python -m benchmarks.verify [--users 20000] [--rounds 5] [--here] [--json]. Bound: 1.3 times the bare hash on a million
identical users. Starts a pair of its own and fills it; with --here it compares the pair that the settings name.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

BOUND = 1.3
#: Below that, what a run costs beside the hash outweighs it.
BOUND_FROM = 1_000_000


@contextmanager
def prepared(users: int, *, here: bool) -> Iterator[None]:
    """Have Django set up on a pair that is in step."""
    import django
    from django.core.management import call_command

    if here:
        django.setup()
        yield
        return
    from tests.servers import PORTS, running_pair

    with running_pair(PORTS):
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("replication", "wait", "--timeout", "600", "--json", stdout=sys.stderr)
        call_command(
            "sample_data", "--users", str(users), "--tasks", "0", "--engrams", "0", "--json", stdout=sys.stderr
        )
        call_command("replication", "wait", "--timeout", "600", "--json", stdout=sys.stderr)
        _analyze()
        yield


def _analyze() -> None:
    from django.db import connections

    from nullstore.databases import ALIASES

    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("VACUUM ANALYZE user_references")


def bare() -> None:
    """Hash all rows on both servers at once, in one number for each."""
    from psycopg import sql

    from nullstore.replication.compare.ends import Ends
    from nullstore.replication.compare.tables import table_pairs

    query = sql.SQL("SELECT count(*), bit_xor({hash}) FROM {table} AS t WHERE {where}")
    with Ends() as ends:
        for pair in table_pairs(ends):
            source, replica = (
                query.format(hash=side.row_hash(), table=side.table, where=side.where)
                for side in (pair.source, pair.replica)
            )
            one, other = ends.both(source, replica, tick=lambda: None)
            assert one == other, "the replica differs"


def run(rounds: int) -> dict[str, Any]:
    """Time the cases in turn, after one round that is not counted; seconds, and megabytes at the peak."""
    from nullstore.replication.compare.verification import verify

    cases: dict[str, Callable[[], Any]] = {"bare hash": bare, "verify": verify}
    times: dict[str, list[float]] = {name: [] for name in cases}
    memory = {"start": _peak()}
    for number in range(rounds + 1):
        for name, case in cases.items():
            seconds = _time(case)
            if number:
                times[name].append(seconds)
    memory["verify"] = _peak()
    times["verify --audit"] = [_time(partial(verify, audit=True))]
    memory["verify --audit"] = _peak()
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratio = medians["verify"] / medians["bare hash"]
    return {"rows": verify().source_rows, "times": times, "medians": medians, "ratio": ratio, "peak_mb": memory}


def _time(case: Callable[[], Any]) -> float:
    started = time.perf_counter()
    case()
    return time.perf_counter() - started


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(result: dict[str, Any]) -> None:
    print(f"{result['rows']:,} rows{'':<20}{'median s':>10}{'min':>8}{'max':>8}{'runs':>6}{'peak MB':>9}")
    for name, each in result["times"].items():
        peak = f"{result['peak_mb'][name]:.0f}" if name in result["peak_mb"] else ""
        print(f"{name:<30}{statistics.median(each):>10.2f}{min(each):>8.2f}{max(each):>8.2f}{len(each):>6}{peak:>9}")
    print(f"verify / bare hash: {result['ratio']:.2f}; memory before: {result['peak_mb']['start']:.0f} MB")


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with prepared(options.users, here=options.here):
        result = run(options.rounds)
    print(json.dumps(result)) if options.json else report(result)
    if result["rows"] >= BOUND_FROM and result["ratio"] > BOUND:
        sys.exit(f"verify takes more than {BOUND} times the bare hash")
