"""Publications: created, or altered to what is declared; never dropped and made again, which loses rows."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, stamps
from nullstore.replication.execute import execute
from nullstore.replication.options import PUBLICATION_OPTIONS, clause, current, dropped, refuse_unknown, to_alter
from nullstore.replication.specs import PublicationSpec, PublishedTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What differs, in words, and the statement that mends it."""

    difference: str
    statement: str


def ensure_publication(
    connection: BaseDatabaseWrapper,
    spec: PublicationSpec,
    before: PublicationSpec | None = None,
    reset: Mapping[str, Any] | None = None,
    *,
    lineage: Sequence[str] = (),
) -> bool:
    """Create the publication or alter it to `spec`, which follows on `before`; tell whether it was changed.

    `reset` are options that are no longer declared, with PostgreSQL's defaults; `lineage` are the digests of all
    declarations up to this one, for a publication that is made without its migrations.

    Leaves alone what a later declaration has altered. Raises ReplicationError for what cannot be altered to match, what
    the server's version does not have, and a row filter on columns by which updates do not find their row.
    """
    refuse_unknown(_what(spec), spec.options, PUBLICATION_OPTIONS, catalog.server_version(connection))
    found = catalog.publication(connection, spec.name)
    stamp = stamps.read(connection, "PUBLICATION", spec.name)
    if found and stamp.supersedes(stamps.digest(spec), stamps.digest(before) if before else None):
        logger.info("Publication %s: a later migration has altered it; left as it is", spec.name)
        return False
    wanted = replace(spec, options={**(reset or {}), **spec.options})
    statements = [change.statement for change in changes(connection, wanted, found)] if found else [create_sql(spec)]
    for statement in statements:
        execute(connection, sql.SQL(statement))
    _refuse_filter_outside_identity(connection, spec)
    _stamp(connection, spec, lineage or stamps.digests(before, spec), stamp)
    if found:
        _report(spec, len(statements), drifted=stamp.last == stamps.digest(spec))
        if before is not None and statements and _widens(before, spec) and catalog.logical_slots(connection):
            logger.warning(
                "Publication %s sends more of its tables than before. What it did not send until now is not sent "
                "afterwards: once the subscription has been altered, run manage.py replication resync",
                spec.name,
            )
    return bool(statements)


def _widens(before: PublicationSpec, after: PublicationSpec) -> bool:
    """Tell whether other rows, columns or commands of a table that stays are sent; new tables are copied whole."""
    known = {table.name: table for table in before.tables}
    altered = any(table.name in known and known[table.name] != table for table in after.tables)
    return altered or not set(after.publish) <= set(before.publish)


def differences(connection: catalog.Connection, spec: PublicationSpec) -> list[str]:
    """Say in what the publication differs from `spec`; an empty list if in nothing, or if there is none."""
    found = catalog.publication(connection, spec.name)
    return [change.difference for change in changes(connection, spec, found)] if found else []


def changes(connection: catalog.Connection, spec: PublicationSpec, found: catalog.Publication) -> list[Change]:
    """Return what has to be altered; raises ReplicationError for a publication FOR ALL TABLES."""
    if found.all_tables:
        raise ReplicationError(
            f"The publication {spec.name} exists FOR ALL TABLES and cannot be altered to publish "
            f"{', '.join(sorted(spec.table_names))} only. If nothing subscribes to it: DROP PUBLICATION {spec.name}, "
            "then run the same again."
        )
    return [*_tables_to_set(connection, spec, found), *_options_to_set(connection, spec, found)]


def create_sql(spec: PublicationSpec) -> str:
    """Return CREATE PUBLICATION. The names are checked identifiers (nullstore.identifiers)."""
    options = clause({"publish": ", ".join(spec.publish), **spec.options})
    return f"CREATE PUBLICATION {spec.name} FOR TABLE {_tables(spec)} WITH ({options})"


def alter_sql(before: PublicationSpec, after: PublicationSpec) -> list[str]:
    """Return the SQL that leads from one declaration to the next, to be shown."""
    options = {**dropped(before.options, after.options, PUBLICATION_OPTIONS), **to_alter(after.options, before.options)}
    if before.publish != after.publish:
        options = {"publish": ", ".join(after.publish), **options}
    tables = [f"ALTER PUBLICATION {after.name} SET TABLE {_tables(after)}"] if before.tables != after.tables else []
    return [*tables, *([f"ALTER PUBLICATION {after.name} SET ({clause(options)})"] if options else [])]


def drop_sql(name: str) -> str:
    """Return DROP PUBLICATION."""
    return f"DROP PUBLICATION IF EXISTS {name}"


def _tables_to_set(
    connection: catalog.Connection, spec: PublicationSpec, found: catalog.Publication
) -> Iterator[Change]:
    said = [f"it publishes the schema {schema}" for schema in found.schemas]
    said += [f"it publishes {table}, too" for table in sorted(found.tables - spec.table_names)]
    said += [f"it does not publish {table}" for table in sorted(spec.table_names - found.tables)]
    for table in spec.tables:
        if table.name in found.tables:
            said += _narrowed_otherwise(table, found)
    if not said and found.filters and not _filters_as_set(connection, spec, found):
        said = [f"the row filter of {table} is {condition}" for table, condition in found.filters.items()]
    if said:
        yield Change("; ".join(said), f"ALTER PUBLICATION {spec.name} SET TABLE {_tables(spec)}")


def _narrowed_otherwise(table: PublishedTable, found: catalog.Publication) -> Iterator[str]:
    columns = found.columns.get(table.name)
    if columns != (None if table.columns is None else frozenset(table.columns)):
        yield f"of {table.name} it publishes {', '.join(sorted(columns)) if columns else 'all columns'}"
    condition = found.filters.get(table.name)
    if (condition is None) != (table.where is None):
        yield f"of {table.name} it publishes {f'the rows with {condition}' if condition else 'all rows'}"


def _filters_as_set(connection: catalog.Connection, spec: PublicationSpec, found: catalog.Publication) -> bool:
    stamp = stamps.read(connection, "PUBLICATION", spec.name)
    return stamp.filters == _filters(found) and stamp.last == stamps.digest(spec)


def _options_to_set(
    connection: catalog.Connection, spec: PublicationSpec, found: catalog.Publication
) -> Iterator[Change]:
    if found.publish != set(spec.publish):
        published = ", ".join(sorted(found.publish)) or "nothing"
        yield Change(
            f"it publishes {published}, not {', '.join(spec.publish)}",
            f"ALTER PUBLICATION {spec.name} SET (publish = '{', '.join(spec.publish)}')",
        )
    settings = current(connection, "pg_publication", found.oid, PUBLICATION_OPTIONS)
    if altered := to_alter(spec.options, settings):
        said = ", ".join(f"{name} is {settings.get(name)}" for name in altered)
        yield Change(said, f"ALTER PUBLICATION {spec.name} SET ({clause(altered)})")


def _refuse_filter_outside_identity(connection: BaseDatabaseWrapper, spec: PublicationSpec) -> None:
    """The server takes such a filter and then fails every UPDATE of the table."""
    found = catalog.publication(connection, spec.name)
    if found is None or not found.publish & {"update", "delete"}:
        return
    for table in found.filters:
        identity = catalog.replica_identity(connection, table)
        outside = catalog.filtered_columns(connection, found.oid, table) - (identity or frozenset())
        if identity is not None and outside:
            raise ReplicationError(
                f"{_what(spec)}: the row filter of {table} reads {', '.join(sorted(outside))}, which is not in its "
                f"replica identity ({', '.join(sorted(identity)) or 'none'}): every UPDATE and DELETE of the table "
                f"would fail. Filter on those columns only, or first: ALTER TABLE {table} REPLICA IDENTITY FULL"
            )


def _stamp(connection: BaseDatabaseWrapper, spec: PublicationSpec, steps: Sequence[str], found: stamps.Stamp) -> None:
    made = catalog.publication(connection, spec.name)
    assert made is not None
    stamp = found.then(steps, _filters(made))
    if stamp != found:
        execute(connection, stamps.statement(connection, "PUBLICATION", spec.name, stamp))


def _filters(found: catalog.Publication) -> str | None:
    return stamps.digest(sorted(found.filters.items())) if found.filters else None


def _report(spec: PublicationSpec, altered: int, *, drifted: bool) -> None:
    if not altered:
        logger.info("Publication %s: as declared, nothing to change", spec.name)
    elif drifted:
        logger.warning(
            "Publication %s was not as declared any more and has been altered back. What was written meanwhile may not "
            "have been sent: run manage.py replication resync",
            spec.name,
        )
    else:
        logger.info("Publication %s: altered to what is declared", spec.name)


def _tables(spec: PublicationSpec) -> str:
    return ", ".join(
        f"public.{table.name}"
        + (f" ({', '.join(table.columns)})" if table.columns else "")
        + (f" WHERE ({table.where})" if table.where else "")
        for table in spec.tables
    )


def _what(spec: PublicationSpec) -> str:
    return f"Publication {spec.name}"
