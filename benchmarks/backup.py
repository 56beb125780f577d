"""What `manage.py backup` and `restore` cost, beside bare pg_dump -Fc and pg_restore of the same two databases."""

import subprocess
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.bare import drop_bare_database, program
from benchmarks.measure import Figure, Outcome, Ratio, seconds
from benchmarks.pair import BARE, MAINTENANCE, libpq_environment, manage, measured_pair
from benchmarks.pair import run as execute

BOUND = 1.25
#: Below that, what a run costs beside the rows outweighs them.
BOUND_FROM = 1_000_000


def run(*, users: int, tasks: int, rounds: int = 1, jobs: int = 2) -> Outcome:
    """Time the cases in turn, on a pair of their own; seconds. Restored bare: without hashes, swap or replication."""
    times: dict[str, list[float]] = {"pg_dump -Fc": [], "backup": [], "pg_restore": [], "restore": []}
    with measured_pair():
        manage("sample_data", "--users", users, "--tasks", tasks, "--engrams", 0)
        manage("replication", "wait", "--timeout", 600)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                ours = folder / "ours"
                times["pg_dump -Fc"].append(seconds(partial(bare_dump, folder)))
                times["backup"].append(seconds(partial(manage, "backup", ours, jobs=jobs)))
                times["pg_restore"].append(seconds(partial(bare_restore, folder)))
                drop_bare()
                times["restore"].append(seconds(partial(manage, "restore", ours, no_input=True, jobs=jobs)))
                manage("restore", drop_kept=True, no_input=True)
    figures = {name: Figure.of(name, "s", each) for name, each in times.items()}
    most = BOUND if min(users, tasks) >= BOUND_FROM else None
    ratios = [
        Ratio(f"{name} / {bare}", figures[name].median / figures[bare].median, most=most)
        for name, bare in (("backup", "pg_dump -Fc"), ("restore", "pg_restore"))
    ]
    return Outcome(users, list(figures.values()), ratios, notes=[f"With {tasks:,} tasks and what belongs to them."])


def bare_dump(folder: Path) -> None:
    from nullstore.databases import ALIASES

    for alias in ALIASES:
        _run_program(alias, "pg_dump", "-Fc", "--no-subscriptions", "-f", str(folder / alias))


def bare_restore(folder: Path) -> None:
    from nullstore.databases import ALIASES

    drop_bare()
    for alias in ALIASES:
        execute(alias, f"CREATE DATABASE {BARE.dbname} TEMPLATE template0", MAINTENANCE)
        _run_program(alias, "pg_restore", "--no-subscriptions", "-d", BARE.dbname, str(folder / alias))


def drop_bare() -> None:
    from nullstore.databases import ALIASES

    for alias in ALIASES:
        drop_bare_database(alias)


def _run_program(alias: str, name: str, *words: str) -> None:
    subprocess.run([program(name), *words], check=True, env=libpq_environment(alias))
