"""Both tables through Python, as a script of one's own would compare them; and the memory that comparisons take."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import zip_longest
from multiprocessing import get_context
from typing import Literal

import psycopg

from benchmarks.memory import peak_while
from benchmarks.pair import session, value

Way = Literal["verify", "through Python"]

# By name: the columns of the two tables need not be in the same order.
_COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
    WHERE attrelid = 'user_references'::regclass AND attnum > 0 AND NOT attisdropped
"""


def through_python(rows: int | None = None) -> None:
    """Read both tables whole, sorted by key, and compare them row by row; flat memory.

    Raises RuntimeError if they differ, or if `rows` is given and is not how many there are.
    """
    columns = value("erebus", _COLUMNS)
    read = 0
    with closing(session("erebus")) as source, closing(session("agents")) as replica:
        for one, other in zip_longest(_lines(source, columns), _lines(replica, columns)):
            if one != other:
                raise RuntimeError("The tables differ")
            read += 1
    if rows not in (None, read):
        raise RuntimeError(f"{read:,} rows were read, not {rows:,}")


def _lines(connection: psycopg.Connection, columns: str) -> Iterator[bytes]:
    # COPY is the fastest way into Python: half the time of a cursor that makes objects of the values.
    statement = f"COPY (SELECT {columns} FROM user_references ORDER BY id) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for line in copy:
            yield bytes(line)


def memory_of(way: Way) -> tuple[float, dict[str, str]]:
    """Return the peak of resident memory (MiB) in a process that does nothing else, and it as it is printed.

    This process has done other things, and memory that these have left is used again unseen.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        before, top = processes.submit(_peaks, way).result()
    return top, {"peak MiB": f"{top:.1f}", "growth MiB": f"{top - before:.1f}"}


def _peaks(way: Way) -> tuple[float, float]:
    """Return the resident memory (MiB) with Django set up, and its peak while both tables are compared."""
    import django

    django.setup()
    from nullstore.replication.compare.verification import verify

    before = peak_while(lambda: None)
    return before, peak_while(verify if way == "verify" else through_python)
