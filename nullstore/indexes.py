"""Indexes of tables that are written meanwhile, made by migrations that may be killed and run again.

Django's AddIndexConcurrently fails on the index that its killed run has left: one that is there, or an INVALID one,
which is no use to anybody (PostgreSQL's manual, CREATE INDEX, "Building Indexes Concurrently").
"""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

_VALIDITY = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


def add_index_online(schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model], index: models.Index) -> None:
    """Make `index` without keeping writers out, unless it is there; one that is INVALID is dropped first.

    On an empty table it is made at once: CONCURRENTLY waits for every older transaction of the database, and the
    initial copy of a subscription is one that may last.
    """
    editor: Any = schema_editor
    if not editor.collect_sql:
        valid = _value(editor, _VALIDITY, [editor.quote_name(index.name)])
        if valid:
            return
        if valid is not None:
            editor.remove_index(model, index, concurrently=True)
    editor.add_index(model, index, concurrently=editor.collect_sql or _has_rows(editor, model))


def _has_rows(editor: Any, model: type[models.Model]) -> bool:
    return bool(_value(editor, f"SELECT EXISTS (SELECT FROM {editor.quote_name(model._meta.db_table)})"))


def _value(editor: Any, query: str, params: list[str] | None = None) -> Any:
    with editor.connection.cursor() as cursor:
        cursor.execute(query, params)
        row = cursor.fetchone()
    return row and row[0]


class AddIndexOnline(AddIndexConcurrently):
    """Makes an index; a run that was killed on the way is simply run again. Needs atomic = False on the migration."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            add_index_online(schema_editor, model, self.index)


class RemoveIndexOnline(RemoveIndexConcurrently):
    """Drops an index; reversed, makes it as AddIndexOnline does. Needs atomic = False on the migration."""

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
            add_index_online(schema_editor, model, index)
