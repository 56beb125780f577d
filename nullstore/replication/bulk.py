"""Indexes of a table made after its rows: one at a time and sorted, in place of row by row into each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

# Only what its definition says whole, so that it comes back as it was, and what nothing else depends on (the foreign
# key of another table, a view that groups by the key).
_INDEXES: Final = """
    SELECT CASE WHEN con.oid IS NULL THEN format('DROP INDEX %%s', indexrelid::regclass)
                ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', indrelid::regclass, conname) END,
           CASE WHEN con.oid IS NULL THEN pg_get_indexdef(indexrelid)
                ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', indrelid::regclass, conname,
                            pg_get_constraintdef(con.oid)) END
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    LEFT JOIN pg_constraint AS con ON conindid = indexrelid AND conrelid = indrelid AND contype IN ('p', 'u', 'x')
    WHERE indrelid = to_regclass('public.' || quote_ident(%s)) AND indisvalid AND NOT indisreplident
      AND NOT indisclustered AND reltablespace = 0 AND (con.oid IS NULL OR reloptions IS NULL)
      AND obj_description(indexrelid, 'pg_class') IS NULL AND obj_description(con.oid, 'pg_constraint') IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indexrelid AND attstattarget >= 0)
      AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'n' AND (
          (refclassid, refobjid) = ('pg_class'::regclass, indexrelid)
          OR (refclassid, refobjid) = ('pg_constraint'::regclass, con.oid)))
    ORDER BY con.oid IS NULL, indexrelid
"""


@contextmanager
def indexes_after(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Drop the indexes of public.`table`, and make them again when the block ends, keys first.

    In the transaction that is open on `connection`, which locks the table for everybody else until its end; if that
    fails they are what they were. Those that could not be made just as they were stay, and are filled row by row.
    """
    found = connection.execute(_INDEXES, [table]).fetchall()
    for drop, _ in found:
        connection.execute(drop.encode())
    yield
    for _, create in found:
        connection.execute(create.encode())
