"""The pair of servers that is measured: one of its own that is filled first, or the one that the settings name."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MEGABYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
#: What a server for millions of rows has: shared buffers of a quarter of the memory for both together, after
#: https://www.postgresql.org/docs/18/runtime-config-resource.html; not forced to disk, what is lost here is made again.
SERVER = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "shared_buffers": f"{_MEGABYTES // 8}MB",
}
#: The tables whose rows are asked for, by option.
TABLES = {"users": "user_references", "tasks": "tasks", "engrams": "engrams"}
FROM = {"users": "erebus", "tasks": "agents", "engrams": "agents"}


@contextmanager
def prepared(sizes: dict[str, int], *, here: bool, filled: bool) -> Iterator[None]:
    """Have Django set up on a pair that has these rows. Ends the program if a pair that is there has not."""
    import django

    if here or filled:
        django.setup()
        if not filled:
            _fill(sizes)
        _demand(sizes)
        yield
        return
    from tests.servers import PORTS, running_pair

    with running_pair(PORTS, SERVER):
        django.setup()
        _call("migrate", verbosity=0)
        _fill(sizes)
        yield


def _fill(sizes: dict[str, int]) -> None:
    """Write the rows and let replication follow; sample_data shows its progress at a terminal."""
    from benchmarks.admin.weights import write_heavy_rows

    options = [word for name, number in sizes.items() for word in (f"--{name}", str(number))]
    _call("replication", "wait", "--timeout", "600")
    _call("sample_data", *options)
    write_heavy_rows()
    _call("replication", "wait", "--timeout", "3600")
    vacuum()


def vacuum() -> None:
    """Give the planner statistics, and the index-only scans their visibility map."""
    from django.db import connections

    from nullstore.databases import ALIASES

    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


def _demand(sizes: dict[str, int]) -> None:
    from benchmarks.admin.values import query

    for name, asked in sizes.items():
        [(rows,)] = query(FROM[name], f"SELECT count(*) FROM {TABLES[name]}")
        if rows < asked:
            sys.exit(f"{TABLES[name]} in {FROM[name]} has {rows:,} rows; {asked:,} were asked for: see --{name}")


def _call(*words: str, **options: Any) -> None:
    """Run a command of manage.py; what it prints is no result of the benchmark."""
    from django.core.management import call_command

    call_command(*words, stdout=sys.stderr, **options)
