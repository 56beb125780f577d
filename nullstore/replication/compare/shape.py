"""What is compared: the columns of a replicated table by name, and the SQL that stands for their content.

Two values are the same here if apply could not tell them apart: if their text forms are the same to the byte. Equality
of SQL is weaker (1.0 = 1.00 as jsonb and numeric, 0.0 = -0.0, 1 month = 30 days, letters of other case in citext), and
so is the hash that goes with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ComparisonError

#: Types of which equal values have the same text form, so that their own hash is exact.
_EXACT: Final = frozenset(
    "bool int2 int4 int8 oid uuid bytea char name date time timestamp timestamptz".split()  # noqa: SIM905
)
_TEXT: Final = ("text", "varchar")
_KEYS: Final = ("uuid", "int2", "int4", "int8", *_TEXT)
_KEY_HASHES: Final = {"uuid": "uuid_hash_extended", "int4": "hashint4extended", "int8": "hashint8extended"}


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is the name of a type of PostgreSQL itself, else (an extension's, an enum) qualified by its schema."""

    name: str
    type: str
    generated: bool

    @property
    def is_exact(self) -> bool:
        """Whether equal values have the same text form, so that the value's own hash says all."""
        return self.type in _EXACT

    def raw(self, row: str = "t") -> sql.Composable:
        return sql.Identifier(row, self.name)

    def text(self, row: str = "t") -> sql.Composable:
        """SQL of the value's text form, compared by bytes whatever the column's collation."""
        if self.type in _TEXT:
            form = "{}"
        elif self.type == "bpchar":  # its cast to text drops trailing spaces, its output does not
            form = "CASE WHEN {0} IS NOT NULL THEN concat({0}) END"
        else:
            form = "{}::text"
        return sql.SQL('({}) COLLATE pg_catalog."C"').format(sql.SQL(form).format(self.raw(row)))

    def digest(self) -> sql.Composable:
        """SQL of a value that is the same for equal text forms only, and NULL for NULL."""
        return sql.SQL("sha256(convert_to({}, 'UTF8'))").format(self.text())

    def hashed(self, *, exact: bool) -> sql.Composable:
        return self.raw() if exact else self.text()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two tables. `where` leaves out the source's rows that are not published."""

    alias: str
    table: sql.Identifier
    where: sql.SQL
    key: Column
    columns: tuple[Column, ...]
    exact: frozenset[str]

    def seed(self) -> sql.Composable:
        """SQL of a hash of the key."""
        if function := _KEY_HASHES.get(self.key.type):
            return sql.SQL("{}({}, 0)").format(sql.Identifier(function), self.key.raw())
        return sql.SQL("hash_record_extended(ROW({}), 0)").format(self.key.text())

    def row_hash(self) -> sql.Composable:
        """SQL of 64 bits of the whole row.

        Seeded with the key: a record's hash is a sum over its columns, and without it, two rows of a block that have
        swapped a value would cancel out.
        """
        forms = (column.hashed(exact=column.name in self.exact) for column in self.columns)
        return sql.SQL("hash_record_extended(ROW({}), {})").format(sql.SQL(", ").join(forms), self.seed())

    def digests(self) -> sql.Composable:
        """SQL of an array with a digest for each column."""
        return sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(column.digest() for column in self.columns))

    def keys(self, keys: Sequence[str]) -> sql.Composable:
        """SQL of the condition that the key is one of these.

        Without parameters: what is executed with some must have every % of a row filter or a name doubled.
        """
        kind = sql.Identifier("pg_catalog", self.key.type)
        return sql.SQL("{} = ANY ({}::text[]::{}[])").format(self.key.raw(), list(keys), kind)


@dataclass(frozen=True, slots=True)
class TablePair:
    """A table and its replica. `not_compared` are columns that only the replica has."""

    name: str
    source: Side
    replica: Side
    not_compared: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.source.columns)

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that a repair writes: all but those that the replica generates itself."""
        return tuple(column.name for column in self.replica.columns if not column.generated)


def read_columns(connection: psycopg.Connection, table: str, schema: str = "public") -> dict[str, Column]:
    """Return the columns of a table by name, in their order; empty if there is no such table."""
    rows = connection.execute(
        """
        SELECT attname, CASE WHEN typnamespace = 'pg_catalog'::regnamespace THEN typname
                             ELSE format_type(atttypid, NULL) END, attgenerated <> ''
        FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
        WHERE attrelid = to_regclass(quote_ident(%s) || '.' || quote_ident(%s)) AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
        """,
        [schema, table],
    ).fetchall()
    return {name: Column(name, kind, generated) for name, kind, generated in rows}


def match(
    source: Mapping[str, Column], replica: Mapping[str, Column], *, key: str, where: str | None, names: tuple[str, str]
) -> TablePair:
    """Return what to compare of the two tables, `names` being theirs.

    Columns of another type are compared by their text forms, which is what replication carries. Raises ComparisonError
    where the replica cannot hold what the source has: a table or a column is missing.
    """
    _refuse_what_is_missing(source, replica, key, names)
    exact = frozenset(name for name, one in source.items() if one.is_exact and replica[name].type == one.type)
    sides = [
        Side(
            alias=alias,
            table=sql.Identifier("public", table),
            where=sql.SQL("({})").format(sql.SQL(condition)),  # type: ignore[arg-type]
            key=columns[key],
            columns=tuple(columns[name] for name in source),
            exact=exact,
        )
        for alias, table, condition, columns in (
            (USER_SYNC.publisher, names[0], where or "true", source),
            (USER_SYNC.subscriber, names[1], "true", replica),
        )
    ]
    return TablePair(names[0], sides[0], sides[1], tuple(name for name in replica if name not in source))


def _refuse_what_is_missing(
    source: Mapping[str, Column], replica: Mapping[str, Column], key: str, names: tuple[str, str]
) -> None:
    for columns, table, alias in (
        (source, names[0], USER_SYNC.publisher),
        (replica, names[1], USER_SYNC.subscriber),
    ):
        if not columns:
            raise ComparisonError(f"{alias} has no table public.{table}. Run: manage.py migrate")
        if key not in columns:
            raise ComparisonError(f"The table {table} of {alias} has no column {key}. Run: manage.py migrate")
    if missing := [name for name in source if name not in replica]:
        raise ComparisonError(
            f"The table {names[1]} of {USER_SYNC.subscriber} lacks columns that its source has: {', '.join(missing)}. "
            "Replication cannot follow without them. Run: manage.py migrate"
        )
    kinds = (source[key].type, replica[key].type)
    if kinds[0] != kinds[1] or kinds[0] not in _KEYS:
        raise ComparisonError(
            f"The key {key} of {names[0]} is of type {kinds[0]} in {USER_SYNC.publisher} and {kinds[1]} in "
            f"{USER_SYNC.subscriber}; rows can be found by it if it is the same, and one of {', '.join(_KEYS)}."
        )
