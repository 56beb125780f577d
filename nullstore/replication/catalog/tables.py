"""How a replicated table is made, on either side: columns, constraints, triggers."""

from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row, rows


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is spelled as DDL has it. `filled` says that a row which does not name the column gets a value anyway.
    `generated` is pg_attribute's: s (stored), v (virtual, from PostgreSQL 18 on), or "".
    """

    name: str
    type: str
    not_null: bool
    filled: bool
    generated: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What can refuse a row: a constraint or a unique index. `drop` is the statement that takes it away."""

    name: str
    definition: str
    drop: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """`enabled` is pg_trigger's: O (origin), A (always), R (replica) or D (disabled); `body` is the function's.

    `events` are spelled as CREATE TRIGGER has them, `when` as the server shows the condition. `drop` is the statement
    that takes the trigger away.
    """

    name: str
    enabled: str
    body: str
    timing: str
    level: str
    events: frozenset[str]
    when: str | None
    drop: str

    @property
    def acts_on_replication(self) -> bool:
        """Tell whether it fires for rows that logical replication applies."""
        return self.enabled in ("A", "R")

    @property
    def changes_rows(self) -> bool:
        """Tell whether it can alter a row, or leave it out, without any error."""
        return (self.timing, self.level) == ("BEFORE", "ROW")


_TABLE = "to_regclass('public.' || quote_ident(%s))"


def columns(connection: Connection, table: str) -> tuple[Column, ...]:
    """Return the columns of public.`table`; none if there is no such table."""
    found = rows(
        connection,
        f"""
        SELECT attname::text, format_type(atttypid, atttypmod), attnotnull,
               NOT attnotnull OR atthasdef OR attidentity <> '', attgenerated::text
        FROM pg_attribute WHERE attrelid = {_TABLE} AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        [table],
    )
    return tuple(Column(*row) for row in found)


def published_columns(connection: Connection, publication: str, table: str) -> frozenset[str]:
    """Return the columns of public.`table` that the publication sends."""
    row = first_row(
        connection,
        "SELECT attnames::text[] FROM pg_publication_tables "
        "WHERE pubname = %s AND schemaname = 'public' AND tablename = %s",
        [publication, table],
    )
    return frozenset(row[0]) if row else frozenset()


def refusing_constraints(connection: Connection, table: str) -> tuple[Constraint, ...]:
    """Return what can refuse a replicated row of public.`table` beside its primary key: CHECK, UNIQUE, EXCLUDE and
    unique indexes. Foreign keys do not act for replication, but a dump with dangling ones cannot be restored.
    """
    found = rows(
        connection,
        f"""
        SELECT conname::text, pg_get_constraintdef(oid),
               format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname)
        FROM pg_constraint WHERE conrelid = {_TABLE} AND contype IN ('c', 'u', 'x', 'f')
        UNION ALL
        SELECT relname::text, pg_get_indexdef(indexrelid), format('DROP INDEX %%s', indexrelid::regclass)
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = {_TABLE} AND indisunique AND NOT indisprimary
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        ORDER BY 1
        """,
        [table, table],
    )
    return tuple(Constraint(*row) for row in found)


def triggers(connection: Connection, table: str) -> tuple[Trigger, ...]:
    """Return the triggers of public.`table` that somebody made."""
    found = rows(
        connection,
        f"""
        SELECT tgname::text, tgenabled::text, prosrc,
               CASE WHEN tgtype & 2 > 0 THEN 'BEFORE' WHEN tgtype & 64 > 0 THEN 'INSTEAD OF' ELSE 'AFTER' END,
               CASE WHEN tgtype & 1 > 0 THEN 'ROW' ELSE 'STATEMENT' END,
               array_remove(ARRAY[
                   CASE WHEN tgtype & 4 > 0 THEN 'INSERT' END, CASE WHEN tgtype & 8 > 0 THEN 'DELETE' END,
                   CASE WHEN tgtype & 32 > 0 THEN 'TRUNCATE' END,
                   CASE WHEN tgtype & 16 > 0 THEN 'UPDATE' || coalesce(' OF ' || (
                       SELECT string_agg(attname, ', ' ORDER BY attname) FROM pg_attribute
                       WHERE attrelid = tgrelid AND attnum = ANY (tgattr)), '') END], NULL),
               substring(pg_get_triggerdef(pg_trigger.oid) FROM ' WHEN \\((.*)\\) EXECUTE FUNCTION '),
               format('DROP TRIGGER %%I ON public.%%I', tgname, relname)
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
        WHERE tgrelid = {_TABLE} AND NOT tgisinternal ORDER BY 1
        """,
        [table],
    )
    return tuple(
        Trigger(name, enabled, body, timing, level, frozenset(events), when, drop)
        for name, enabled, body, timing, level, events, when, drop in found
    )


def applied_migrations(connection: Connection) -> frozenset[tuple[str, str]]:
    """Return what Django has recorded as applied, as (app, name); nothing in a database without its table."""
    if first_row(connection, "SELECT to_regclass('public.django_migrations') IS NULL") == (True,):
        return frozenset()
    return frozenset(rows(connection, "SELECT app, name FROM public.django_migrations"))
