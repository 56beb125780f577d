"""Constraints that live in the database because writers in other languages do not know Django's.

Both are ordinary entries of Meta.constraints, so that makemigrations keeps track of them.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint
from django.db.utils import DEFAULT_DB_ALIAS


class SQLConstraint(BaseConstraint):
    """Base: a table constraint given as one SQL clause."""

    def clause(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        """Return what follows CONSTRAINT name in CREATE TABLE and ALTER TABLE."""
        raise NotImplementedError

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        return f"CONSTRAINT {schema_editor.quote_name(self.name)} {self.clause(model, schema_editor)}"

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} DROP CONSTRAINT {schema_editor.quote_name(self.name)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SQLConstraint) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


class DatabaseForeignKey(SQLConstraint):
    """The foreign key of a ForeignKey(db_constraint=False), with its ON DELETE in the database.

    Django 5.2 carries out on_delete in Python only: an SQL DELETE would fail on the constraint that Django makes.
    """

    def __init__(self, *, name: str, field: str, on_delete: str, **kwargs: Any) -> None:
        if on_delete not in ("CASCADE", "SET NULL", "RESTRICT"):
            raise ValueError(f"on_delete {on_delete!r} is not one of CASCADE, SET NULL, RESTRICT")
        self.field = field
        self.on_delete = on_delete
        super().__init__(name=name, **kwargs)

    def clause(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        field = model._meta.get_field(self.field)
        assert isinstance(field, models.ForeignKey)
        quote = schema_editor.quote_name
        target = field.target_field
        return (
            f"FOREIGN KEY ({quote(field.column)}) REFERENCES {quote(target.model._meta.db_table)} "
            f"({quote(target.column)}) ON DELETE {self.on_delete}"
        )

    def validate(
        self,
        model: type[models.Model],
        instance: models.Model,
        exclude: set[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Nothing to do: ForeignKey.validate() looks the row up."""

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field, "on_delete": self.on_delete}


class SQLCheck(SQLConstraint):
    """A CHECK written in SQL over named fields, for what Q objects cannot say.

    A check of JSON made with Q passes on NULL: write jsonb_typeof(column) = 'object' and COALESCE(..., false).
    `fields` are the names of the fields whose columns `sql` uses.
    """

    def __init__(self, *, name: str, sql: str, fields: tuple[str, ...], **kwargs: Any) -> None:
        self.sql = sql
        self.fields = tuple(fields)
        super().__init__(name=name, **kwargs)

    def clause(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        return f"CHECK ({self.sql})"

    def validate(
        self,
        model: type[models.Model],
        instance: models.Model,
        exclude: set[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Ask the database whether the instance's values pass; raise ValidationError if not."""
        if exclude and not exclude.isdisjoint(self.fields):
            return
        connection = connections[using]
        columns, values = [], []
        for name in self.fields:
            field = model._meta.get_field(name)
            assert isinstance(field, models.Field)
            columns.append(f"%s::{field.db_type(connection)} AS {connection.ops.quote_name(field.column)}")
            values.append(field.get_db_prep_save(getattr(instance, field.attname), connection))
        sql = self.sql.replace("%", "%%")
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT ({sql}) IS NOT FALSE FROM (SELECT {', '.join(columns)}) AS row", values)
            (passes,) = cursor.fetchone()
        if not passes:
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "sql": self.sql, "fields": self.fields}
