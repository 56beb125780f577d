"""Migration operations that set up logical replication.

Each asks the router first, looks in the catalog, and brings what it finds to what is declared: running one again
changes nothing. None of them shows a password: not in the migration, in sqlmigrate, in a log, nor in an error.
"""

from typing import Any

from django.db import NotSupportedError, router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from nullstore.exceptions import ReplicationError
from nullstore.identifiers import check_identifier
from nullstore.replication import catalog, publications, roles
from nullstore.replication.conninfo import MASK, masked, subscription_conninfo
from nullstore.replication.guard import guard_body
from nullstore.replication.specs import SubscriptionSpec
from nullstore.replication.subscriptions import (
    create_statement,
    drop_subscription,
    ensure_subscription,
)
from nullstore.triggers import CreateTrigger

_PUBLISHABLE = ("insert", "update", "delete", "truncate")


class ReplicationOperation(Operation):
    """Base: asks the router, and shows SQL instead of asking a server where sqlmigrate collects it."""

    reversible = True
    category = OperationCategory.ADDITION

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Replication is no part of Django's model state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self._run(app_label, schema_editor, self.apply, self.forwards_sql)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self._run(app_label, schema_editor, self.revert, self.backwards_sql)

    def _run(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, act: Any, sql: Any) -> None:
        if not router.allow_migrate(schema_editor.connection.alias, app_label):
            return
        if schema_editor.collect_sql:
            for statement in sql(schema_editor.connection.settings_dict["NAME"]):
                schema_editor.execute(statement, params=None)
        else:
            act(schema_editor)

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Bring the database to what is declared."""
        raise NotImplementedError

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Take away what apply() made."""
        raise NotImplementedError

    def forwards_sql(self, database: str) -> list[str]:
        """Return the SQL of apply() in `database` on a server that has nothing yet, secrets masked."""
        raise NotImplementedError

    def backwards_sql(self, database: str) -> list[str]:
        """Return the SQL of revert()."""
        raise NotImplementedError


class CreateReplicationRole(ReplicationOperation):
    """Create the role REPLICATION_ROLE (LOGIN REPLICATION, SELECT on `tables`, nothing else).

    Reversed, the role loses its rights here, and goes unless another database of the server needs it. Raises
    ReplicationError if the role exists with another password than REPLICATION_PASSWORD.
    """

    def __init__(self, *, tables: tuple[str, ...]) -> None:
        self.tables = tuple(check_identifier(table) for table in tables)

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        roles.ensure_role(schema_editor.connection)
        roles.grant_select(schema_editor.connection, self.tables)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        roles.drop_role(schema_editor.connection, self.tables)

    def forwards_sql(self, database: str) -> list[str]:
        return roles.create_statements(database, self.tables, password=MASK)

    def backwards_sql(self, database: str) -> list[str]:
        return roles.drop_statements(database, self.tables)

    def describe(self) -> str:
        return "Create the replication role"

    @property
    def migration_name_fragment(self) -> str:
        return "create_replication_role"


class CreatePublication(ReplicationOperation):
    """Create the publication `name` of `tables`, or alter it to that. `publish` are the commands that it carries.

    Raises ReplicationError if the publication exists FOR ALL TABLES, and, reversed, while a slot still follows it.
    """

    def __init__(
        self, name: str, *, tables: tuple[str, ...], publish: tuple[str, ...] = ("insert", "update", "delete")
    ) -> None:
        self.name = check_identifier(name)
        self.tables = tuple(check_identifier(table) for table in tables)
        self.publish = tuple(publish)
        if not self.tables:
            raise ValueError(f"publication {name}: no tables")
        if not self.publish or not set(self.publish) <= set(_PUBLISHABLE):
            raise ValueError(f"publication {name}: publish {publish!r} is not some of {', '.join(_PUBLISHABLE)}")

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        for statement in publications.statements_to_match(
            schema_editor.connection, self.name, self.tables, self.publish
        ):
            schema_editor.execute(statement, params=None)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        followers = catalog.logical_slots(schema_editor.connection)
        if followers and catalog.publication(schema_editor.connection, self.name):
            raise ReplicationError(
                f"The publication {self.name} may still be followed through the slots {', '.join(followers)}: without "
                f"it their subscriptions stop. Remove ours first: {_command_to_unsubscribe(self.name)}; drop a slot "
                "that no subscription uses any more with: SELECT pg_drop_replication_slot('...')"
            )
        schema_editor.execute(publications.drop_statement(self.name), params=None)

    def forwards_sql(self, database: str) -> list[str]:
        return [publications.create_statement(self.name, self.tables, self.publish)]

    def backwards_sql(self, database: str) -> list[str]:
        return [publications.drop_statement(self.name)]

    def describe(self) -> str:
        return f"Create publication {self.name} of {', '.join(self.tables)}"

    @property
    def migration_name_fragment(self) -> str:
        return f"create_publication_{self.name}"


class CreateSubscription(ReplicationOperation):
    """Create the subscription `name` to `publication` in the database of the alias `publisher`, on a slot of its own.

    Copies the rows that are there and goes on streaming; returns once it is enabled. Reversed, subscription and slot
    go and the rows stay. Needs `atomic = False` on the migration: the slot lives on the other server, outside any
    transaction here. Raises ReplicationError (no publication; slot not to be had in time; server refuses).
    """

    def __init__(self, name: str, *, publication: str, publisher: str) -> None:
        self.spec = SubscriptionSpec(check_identifier(name), check_identifier(publication), publisher)
        if len(name) > 54:
            raise ValueError(f"subscription {name}: its slot's name would be longer than PostgreSQL's 63 characters")

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._refuse_transaction(schema_editor)
        ensure_subscription(schema_editor.connection, self.spec)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._refuse_transaction(schema_editor)
        drop_subscription(schema_editor.connection, self.spec)

    def _refuse_transaction(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if schema_editor.connection.in_atomic_block:
            raise NotSupportedError(
                f"{type(self).__name__} cannot run in a transaction: set atomic = False on the migration."
            )

    def forwards_sql(self, database: str) -> list[str]:
        statement = create_statement(
            self.spec, f"{self.spec.name}_", masked(subscription_conninfo(self.spec.publisher)), copy_data=True
        )
        return [
            f"-- On {self.spec.publisher}: the slot {self.spec.name}_ and 8 hex digits that identify this database",
            statement.as_string(),
        ]

    def backwards_sql(self, database: str) -> list[str]:
        name = self.spec.name
        return [
            f"ALTER SUBSCRIPTION {name} DISABLE",
            f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)",
            f"DROP SUBSCRIPTION {name}",
            f"-- On {self.spec.publisher}: drop the slot {name}_ and 8 hex digits that identify this database",
        ]

    def describe(self) -> str:
        return f"Create subscription {self.spec.name} to {self.spec.publication} on {self.spec.publisher}"

    @property
    def migration_name_fragment(self) -> str:
        return f"create_subscription_{self.spec.name}"


def _command_to_unsubscribe(publication: str) -> str:
    """Return the command that reverses the migration in which this project subscribes to the publication."""
    for (app_label, _), migration in MigrationLoader(None).disk_migrations.items():
        for operation in migration.operations:
            if isinstance(operation, CreateSubscription) and operation.spec.publication == publication:
                before = next((name for app, name in migration.dependencies if app == app_label), "zero")
                return f"manage.py migrate {app_label} {before}"
    return "DROP SUBSCRIPTION on the subscriber"


class GuardReplica(CreateTrigger):
    """Refuse every write to the replica `table` but those of logical replication. `source` names what to write instead.

    `source` reads `database.table`.
    """

    def __init__(self, *, table: str, source: str) -> None:
        for part in source.split("."):
            check_identifier(part)
        super().__init__(
            f"{table}_guard",
            table=table,
            timing="BEFORE",
            events=("INSERT", "UPDATE", "DELETE", "TRUNCATE"),
            level="STATEMENT",
            body=guard_body(source),
        )

    def describe(self) -> str:
        return f"Guard the replica {self.table} against writes"

    @property
    def migration_name_fragment(self) -> str:
        return f"guard_{self.table}"
