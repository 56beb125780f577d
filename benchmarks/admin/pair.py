"""The pair of servers that is measured: one of its own that is filled first, or the one that the settings name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import pair
from benchmarks.pair import manage, measured_pair, value
from benchmarks.rows import vacuum

#: Not forced to disk: only reading is measured, and what is lost here is made again.
SERVER = {**pair.SERVER, "fsync": "off", "full_page_writes": "off"}
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
    with measured_pair(SERVER):
        _fill(sizes)
        yield


def _fill(sizes: dict[str, int]) -> None:
    """Write the rows and let replication follow; sample_data shows its progress at a terminal."""
    from benchmarks.admin.weights import write_heavy_rows

    manage("replication", "wait", "--timeout", "600")
    manage("sample_data", *(word for name, number in sizes.items() for word in (f"--{name}", number)))
    write_heavy_rows()
    manage("replication", "wait", "--timeout", "3600")
    vacuum()


def _demand(sizes: dict[str, int]) -> None:
    for name, asked in sizes.items():
        rows = value(FROM[name], f"SELECT count(*) FROM {TABLES[name]}")
        if rows < asked:
            sys.exit(f"{TABLES[name]} in {FROM[name]} has {rows:,} rows; {asked:,} were asked for: see --{name}")
