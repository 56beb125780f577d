"""The base of the replication operations."""

from typing import Any

from django.db import NotSupportedError, router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState


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
        """Bring the database to what was declared before."""
        raise NotImplementedError

    def forwards_sql(self, database: str) -> list[str]:
        """Return the SQL of apply() in `database` on a server that has what was declared before, secrets masked."""
        raise NotImplementedError

    def backwards_sql(self, database: str) -> list[str]:
        """Return the SQL of revert()."""
        raise NotImplementedError

    def refuse_transaction(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Raise NotSupportedError inside a transaction."""
        if schema_editor.connection.in_atomic_block:
            raise NotSupportedError(
                f"{type(self).__name__} cannot run in a transaction: set atomic = False on the migration."
            )
