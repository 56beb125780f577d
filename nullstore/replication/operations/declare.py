"""From the keywords of an operation to what it declares, checked while the migration is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.migrations.loader import MigrationLoader

from nullstore.databases import ALIASES
from nullstore.identifiers import check_identifier
from nullstore.replication.options import PUBLICATION_OPTIONS, SUBSCRIPTION_OPTIONS, check_options
from nullstore.replication.rowfilter import columns_read
from nullstore.replication.specs import PublicationSpec, PublishedTable, SubscriptionSpec

_PUBLISHABLE = ("insert", "update", "delete", "truncate")
_LONGEST_SUBSCRIPTION = 53  # _, 8 hex digits and a letter make the 63 characters of a slot's name


def publication_spec(
    name: str,
    *,
    tables: tuple[str, ...],
    columns: Mapping[str, tuple[str, ...]] | None = None,
    where: Mapping[str, str] | None = None,
    publish: tuple[str, ...] = ("insert", "update", "delete"),
    replica_identity: Mapping[str, tuple[str, ...]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> PublicationSpec:
    """Return the declaration; raise ValueError for what PostgreSQL would refuse now or at the next UPDATE."""
    what = f"publication {check_identifier(name)}"
    columns, where, identity = columns or {}, where or {}, replica_identity or {}
    for table in tables:
        check_identifier(table)
    if not tables:
        raise ValueError(f"{what}: no tables")
    if len(set(tables)) < len(tables):
        raise ValueError(f"{what}: a table is named twice")
    if not publish or not set(publish) <= set(_PUBLISHABLE) or len(set(publish)) < len(publish):
        raise ValueError(f"{what}: publish {publish!r} is not some of {', '.join(_PUBLISHABLE)}")
    for table in {**columns, **where, **identity}:
        if table not in tables:
            raise ValueError(f"{what}: {table} has columns, a filter or an identity, and is not among its tables")
    for table, listed in columns.items():
        if not listed or len(set(listed)) < len(listed):
            raise ValueError(f"{what}: the list of columns of {table} is empty or names one twice")
        for column in listed:
            check_identifier(column)
    if {"update", "delete"} & set(publish):
        _check_identity(what, columns, where, identity)
    checked = check_options(what, options or {}, PUBLICATION_OPTIONS)
    if checked.get("publish_generated_columns") == "stored" and set(columns) == set(tables):
        raise ValueError(f"{what}: publish_generated_columns and a list of columns for every table exclude each other")
    published = tuple(PublishedTable(table, _tuple(columns.get(table)), where.get(table)) for table in tables)
    return PublicationSpec(name, published, tuple(publish), checked)


def subscription_spec(
    name: str, *, publication: str, publisher: str, options: Mapping[str, Any] | None = None
) -> SubscriptionSpec:
    """Return the declaration; raise ValueError for what PostgreSQL would refuse."""
    check_identifier(name)
    if len(name) > _LONGEST_SUBSCRIPTION:
        raise ValueError(f"subscription {name}: its slot's name would be longer than PostgreSQL's 63 characters")
    if publisher not in ALIASES:
        raise ValueError(f"subscription {name}: publisher {publisher!r} is not one of {', '.join(ALIASES)}")
    checked = check_options(f"subscription {name}", options or {}, SUBSCRIPTION_OPTIONS)
    return SubscriptionSpec(name, check_identifier(publication), publisher, checked)


def command_to_unsubscribe(publication: str) -> str:
    """Return the command that reverses the migration in which this project subscribes to the publication."""
    for (app_label, _), migration in MigrationLoader(None).disk_migrations.items():
        for operation in migration.operations:
            spec = getattr(operation, "spec", None)
            if isinstance(spec, SubscriptionSpec) and spec.publication == publication:
                before = next((name for app, name in migration.dependencies if app == app_label), "zero")
                return f"manage.py migrate {app_label} {before}"
    return "DROP SUBSCRIPTION on the subscriber"


def _check_identity(
    what: str,
    columns: Mapping[str, tuple[str, ...]],
    where: Mapping[str, str],
    identity: Mapping[str, tuple[str, ...]],
) -> None:
    for table, condition in where.items():
        outside = columns_read(condition) - set(identity.get(table, ("id",)))
        if outside:
            raise ValueError(
                f"{what}: the row filter of {table} reads {', '.join(sorted(outside))}, outside the replica identity: "
                "every UPDATE and DELETE of the table would fail"
            )
    for table, listed in columns.items():
        missing = set(identity.get(table, ("id",))) - set(listed)
        if missing:
            raise ValueError(
                f"{what}: the list of columns of {table} lacks {', '.join(sorted(missing))} of the replica identity: "
                "every UPDATE and DELETE of the table would fail"
            )


def _tuple(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
