"""What `manage.py backup` and `restore` cost, beside bare pg_dump -Fc and pg_restore of the same two databases.

python -m benchmarks.backup [--users 20000] [--tasks 20000] [--jobs 2] [--rounds 3] [--json]. Bound: 1.25 times the bare
programs at a million users and a million tasks. Starts a pair of its own and fills it. Bare: one database after the
other, as a script would; restored into new databases, without hashes, swap or replication.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

BOUND = 1.25
#: Below that, what a run costs beside the rows outweighs them.
BOUND_FROM = 1_000_000


def call(*words: Any, **options: Any) -> None:
    """Run a command of manage.py; what it prints goes to stderr."""
    from django.core.management import call_command
    from django.db import connections

    connections.close_all()
    call_command(*map(str, words), stdout=sys.stderr, **options)


def fill(users: int, tasks: int) -> None:
    """Fill the pair with the sample, and have it in step."""
    call("migrate", verbosity=0)
    call("replication", "wait", "--timeout", "600", "--json")
    call("sample_data", "--users", users, "--tasks", tasks, "--engrams", 0, "--json")
    call("replication", "wait", "--timeout", "600", "--json")


def program(name: str, alias: str, *words: str, dbname: str | None = None) -> None:
    """Run a bare program of the server's version, as somebody does at a shell."""
    from nullstore.backup import programs
    from nullstore.replication.connect import connect, parameters_of

    there = parameters_of(alias)
    with closing(connect(alias)) as connection:
        found = programs.find(name, connection.info.server_version // 10_000)
    where = f"host={there['host']} port={there['port']} user={there['user']} dbname={dbname or there['dbname']}"
    subprocess.run([found, *words, "-d", where], check=True, env={"PGPASSWORD": str(there["password"])})


def bare_dump(folder: Path) -> None:
    from nullstore.databases import ALIASES

    for alias in ALIASES:
        program("pg_dump", alias, "-Fc", "--no-subscriptions", "-f", str(folder / alias))


def bare_restore(folder: Path) -> None:
    from nullstore.databases import ALIASES
    from nullstore.replication.connect import connect

    for alias in ALIASES:
        with closing(connect(alias, dbname="postgres")) as server:
            server.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
            server.execute("CREATE DATABASE bare TEMPLATE template0")
        program("pg_restore", alias, "--no-subscriptions", str(folder / alias), dbname="bare")


def drop_bare() -> None:
    from nullstore.databases import ALIASES
    from nullstore.replication.connect import connect

    for alias in ALIASES:
        with closing(connect(alias, dbname="postgres")) as server:
            server.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")


def run(rounds: int, jobs: int) -> dict[str, Any]:
    """Time the cases in turn; seconds."""
    times: dict[str, list[float]] = {"pg_dump -Fc": [], "backup": [], "pg_restore": [], "restore": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours = folder / "ours"
            times["pg_dump -Fc"].append(_time(partial(bare_dump, folder)))
            times["backup"].append(_time(partial(call, "backup", ours, jobs=jobs)))
            times["pg_restore"].append(_time(partial(bare_restore, folder)))
            drop_bare()
            times["restore"].append(_time(partial(call, "restore", ours, no_input=True, jobs=jobs)))
            call("restore", drop_kept=True, no_input=True)
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratios = {
        "backup": medians["backup"] / medians["pg_dump -Fc"],
        "restore": medians["restore"] / medians["pg_restore"],
    }
    return {"times": times, "medians": medians, "ratios": ratios}


def _time(case: Callable[[], Any]) -> float:
    started = time.perf_counter()
    case()
    return time.perf_counter() - started


def report(result: dict[str, Any]) -> None:
    print(f"{'':<20}{'median s':>10}{'min':>8}{'max':>8}{'runs':>6}{'ratio':>8}")
    for name, each in result["times"].items():
        ratio = f"{result['ratios'][name]:.2f}" if name in result["ratios"] else ""
        print(f"{name:<20}{statistics.median(each):>10.1f}{min(each):>8.1f}{max(each):>8.1f}{len(each):>6}{ratio:>8}")


def main() -> int:
    import django

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from tests.servers import PORTS, running_pair

    # As servers are set up to be safe, not as the tests' are to be fast.
    with running_pair(PORTS, {"wal_level": "logical", "max_wal_size": "4GB"}):
        django.setup()
        fill(options.users, options.tasks)
        result = run(options.rounds, options.jobs)
    print(json.dumps(result)) if options.json else report(result)
    beyond = [name for name, ratio in result["ratios"].items() if ratio > BOUND]
    if min(options.users, options.tasks) >= BOUND_FROM and beyond:
        print(f"{' and '.join(beyond)} beyond {BOUND} times the bare programs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    sys.exit(main())
