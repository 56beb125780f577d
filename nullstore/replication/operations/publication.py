"""The operations for publications: created, altered, removed."""

from collections.abc import Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import OperationCategory
from psycopg import sql

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog, publications, stamps
from nullstore.replication.execute import execute
from nullstore.replication.operations.base import ReplicationOperation
from nullstore.replication.operations.declare import command_to_unsubscribe, publication_spec
from nullstore.replication.options import PUBLICATION_OPTIONS, dropped
from nullstore.replication.specs import PublicationSpec


class _Publication(ReplicationOperation):
    """`tables` are published with all columns and rows, unless `columns` or `where` (SQL) narrow one of them.

    `publish` are the commands that are carried, `options` PostgreSQL's others (nullstore.replication.options). A filter
    may read columns of the replica identity only, unless just inserts are published; name those that are not the
    primary key `id` in `replica_identity`. Raises ValueError for what PostgreSQL would refuse.
    """

    def __init__(
        self,
        name: str,
        *,
        tables: tuple[str, ...],
        columns: Mapping[str, tuple[str, ...]] | None = None,
        where: Mapping[str, str] | None = None,
        publish: tuple[str, ...] = ("insert", "update", "delete"),
        replica_identity: Mapping[str, tuple[str, ...]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.spec = publication_spec(
            name,
            tables=tables,
            columns=columns,
            where=where,
            publish=publish,
            replica_identity=replica_identity,
            options=options,
        )

    def create(self, connection: BaseDatabaseWrapper) -> None:
        publications.ensure_publication(connection, self.spec)

    def remove(self, connection: BaseDatabaseWrapper) -> None:
        name = self.spec.name
        followers = catalog.logical_slots(connection)
        if followers and catalog.publication(connection, name):
            raise ReplicationError(
                f"The publication {name} may still be followed through the slots {', '.join(followers)}: without "
                f"it their subscriptions stop. Remove ours first: {command_to_unsubscribe(name)}; drop a slot "
                "that no subscription uses any more with: SELECT pg_drop_replication_slot('...')"
            )
        execute(connection, sql.SQL(publications.drop_sql(name)))

    def create_sql(self) -> list[str]:
        stamp = stamps.line([stamps.digest(self.spec)])
        return [publications.create_sql(self.spec), stamps.comment("PUBLICATION", self.spec.name, stamp).as_string()]

    def remove_sql(self) -> list[str]:
        return [publications.drop_sql(self.spec.name)]


class CreatePublication(_Publication):
    """Create the publication `name` of `tables`, or alter it to that; not behind a later AlterPublication.

    Raises ReplicationError if the publication exists FOR ALL TABLES, and, reversed, while a slot still follows it.
    """

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.create(schema_editor.connection)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.remove(schema_editor.connection)

    def forwards_sql(self, database: str) -> list[str]:
        return self.create_sql()

    def backwards_sql(self, database: str) -> list[str]:
        return self.remove_sql()

    def describe(self) -> str:
        return f"Create publication {self.spec.name} of {', '.join(table.name for table in self.spec.tables)}"

    @property
    def migration_name_fragment(self) -> str:
        return f"create_publication_{self.spec.name}"


class RemovePublication(_Publication):
    """Remove the publication. Takes its whole declaration, so that it can be reversed.

    Raises ReplicationError while a slot still follows it.
    """

    category = OperationCategory.REMOVAL

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.remove(schema_editor.connection)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.create(schema_editor.connection)

    def forwards_sql(self, database: str) -> list[str]:
        return self.remove_sql()

    def backwards_sql(self, database: str) -> list[str]:
        return self.create_sql()

    def describe(self) -> str:
        return f"Remove publication {self.spec.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"remove_publication_{self.spec.name}"


class AlterPublication(ReplicationOperation):
    """Alter the publication `name` from `before` to `after`; each has the keywords of CreatePublication.

    An option that is only in `before` gets PostgreSQL's default again. A publication that is missing is created.
    """

    category = OperationCategory.ALTERATION

    def __init__(self, name: str, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self.before = publication_spec(name, **before)
        self.after = publication_spec(name, **after)

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._alter(schema_editor.connection, self.before, self.after)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._alter(schema_editor.connection, self.after, self.before)

    def _alter(self, connection: BaseDatabaseWrapper, before: PublicationSpec, after: PublicationSpec) -> None:
        reset = dropped(before.options, after.options, PUBLICATION_OPTIONS)
        publications.ensure_publication(connection, after, before, reset)

    def forwards_sql(self, database: str) -> list[str]:
        return publications.alter_sql(self.before, self.after)

    def backwards_sql(self, database: str) -> list[str]:
        return publications.alter_sql(self.after, self.before)

    def describe(self) -> str:
        return f"Alter publication {self.after.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"alter_publication_{self.after.name}"
