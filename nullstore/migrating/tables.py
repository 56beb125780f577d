"""A replicated table as far as replication cares: as the database has it, and as a Django model declares it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState
from django.db.models import Value

from nullstore.migrating.types import normal_type
from nullstore.replication.catalog import tables as catalog


@dataclass(frozen=True, slots=True)
class Column:
    """`filled`: a row that does not name the column gets a value. `sent`: the publisher sends the column.

    Only as declared: `key` is part of the primary key; `hazard` says why adding it would give rows of source and
    replica different values, "" if it would not.
    """

    type: str
    not_null: bool
    filled: bool
    sent: bool = True
    generated: bool = False
    key: bool = field(default=False, compare=False)
    hazard: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, and what can refuse a row beside the primary key: the names of constraints and unique indexes.

    `narrowed` says that it is published with a list of columns, in which a new one is not.
    """

    name: str
    columns: Mapping[str, Column]
    refusing: frozenset[str] = frozenset()
    narrowed: bool = False

    @property
    def sent(self) -> bool:
        """Tell whether it is published at all."""
        return any(column.sent for column in self.columns.values())

    def sending(self, listed: Iterable[str] | None) -> "Table":
        """Return the table published with these columns; None publishes all of them."""
        names = set(self.columns if listed is None else listed)
        columns = {
            name: replace(column, sent=name in names and not column.generated) for name, column in self.columns.items()
        }
        return replace(self, columns=columns, narrowed=listed is not None)


def live_table(connection: BaseDatabaseWrapper, name: str, publication: str | None = None) -> Table | None:
    """Return public.`name` as the database has it, or None. `publication` says which columns are sent."""
    generated = _generated(connection, name)
    columns = {
        column.name: Column(column.type, column.not_null, column.filled, generated=column.name in generated)
        for column in catalog.columns(connection, name)
    }
    if not columns:
        return None
    refusing = frozenset(constraint.name for constraint in catalog.refusing_constraints(connection, name))
    table = Table(name, columns, refusing)
    if publication is None:
        return table
    sent = catalog.published_columns(connection, publication, name)
    return table.sending(None if sent >= columns.keys() - generated else sent)


def _generated(connection: BaseDatabaseWrapper, name: str) -> set[str]:
    query = (
        "SELECT attname::text FROM pg_attribute "
        "WHERE attrelid = to_regclass('public.' || quote_ident(%s)) AND attgenerated <> ''"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [name])
        return {column for (column,) in cursor.fetchall()}


def declared_table(model: ModelState, name: str, connection: BaseDatabaseWrapper) -> Table:
    """Return the table as the migrations' `model` declares it."""
    columns, refusing = {}, _constraint_names(model)
    for field_name, each in model.fields.items():
        bound: Any = each.clone()  # type: ignore[attr-defined]
        bound.set_attributes_from_name(field_name)
        if bound.many_to_many:
            continue
        parameters = _parameters(bound, connection)
        columns[bound.column] = _declared_column(bound, str(parameters["type"]))
        refusing |= {f"CHECK of {bound.column}"} if parameters["check"] else set()
        refusing |= {f"UNIQUE of {bound.column}"} if bound.unique and not bound.primary_key else set()
    return Table(name, columns, frozenset(refusing))


def _parameters(bound: Any, connection: BaseDatabaseWrapper) -> Mapping[str, Any]:
    if bound.is_relation:
        # Its type is that of the other model's key, which a state of migrations knows only when it is rendered.
        return {"type": "a key of another table", "check": None}
    parameters: Mapping[str, Any] = bound.db_parameters(connection)
    return parameters


def _declared_column(bound: Any, spelled: str) -> Column:
    generated = bool(getattr(bound, "generated", False))
    filled = bound.null or bound.has_db_default() or generated or _is_identity(bound)
    return Column(
        normal_type(spelled),
        not_null=not bound.null and not generated,
        filled=filled,
        sent=not generated,
        generated=generated,
        key=bound.primary_key,
        hazard="" if generated else _hazard(bound),
    )


def _is_identity(bound: Any) -> bool:
    return bool(bound.get_internal_type() in ("AutoField", "BigAutoField", "SmallAutoField"))


def _constraint_names(model: ModelState) -> set[str]:
    names = {constraint.name for constraint in model.options.get("constraints", ())}
    return names | {f"UNIQUE of {', '.join(together)}" for together in model.options.get("unique_together", ())}


def _hazard(bound: Any) -> str:
    """ADD COLUMN fills the rows that are there, on each side by itself, and is not replicated."""
    if bound.has_db_default():
        if _is_plain_value(bound.db_default):
            return ""
        return "its db_default is not a plain value, and each database would compute its own for the rows that it has"
    if bound.null and _is_filled_by_django(bound):
        return (
            "its default is in Python only: rows that are there would get it, while those that arrive before the "
            "source has the column would stay NULL in the replica"
        )
    return ""


def _is_filled_by_django(bound: Any) -> bool:
    in_python = bound.has_default() and bound.default is not None
    return bool(in_python or getattr(bound, "auto_now", False) or getattr(bound, "auto_now_add", False))


def _is_plain_value(default: object) -> bool:
    return isinstance(default, Value) or not hasattr(default, "resolve_expression")
