"""The one operation pair for every trigger of nullstore.

A trigger function is called like its trigger and belongs to it. Why not a library: a guard must not be lifted by any
role with a SET, and a trigger that acts on replicated rows needs ENABLE ALWAYS, which a reinstall must not lose.
Function bodies name tables with their schema: logical replication runs them with an empty search_path.
"""

import re
from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from nullstore.identifiers import check_identifier

_ENABLE = {
    "ORIGIN": "ENABLE",
    "ALWAYS": "ENABLE ALWAYS",
    "REPLICA": "ENABLE REPLICA",
    "DISABLED": "DISABLE",
}
_EVENT = re.compile(r"INSERT|DELETE|TRUNCATE|UPDATE(?: OF [a-z0-9_]+(?:, [a-z0-9_]+)*)?")


class TriggerOperation(Operation):
    """Base of the pair. Values are checked here, while the migration is written, not while it runs.

    `body` is a whole PL/pgSQL block. `enable` says when the trigger fires: ORIGIN (not for replicated rows), REPLICA
    (only for them), ALWAYS, DISABLED. `old_table` and `new_table` are the names by which `body` finds the rows of the
    statement as they were and as they are. Raises ValueError for values that PostgreSQL would refuse.
    """

    reversible = True

    def __init__(
        self,
        name: str,
        *,
        table: str,
        timing: str,
        events: tuple[str, ...],
        body: str,
        level: str = "ROW",
        when: str | None = None,
        enable: str = "ORIGIN",
        old_table: str | None = None,
        new_table: str | None = None,
    ) -> None:
        self.name = check_identifier(name)
        self.table = check_identifier(table)
        self.timing = _one_of("timing", timing, ("BEFORE", "AFTER"))
        self.level = _one_of("level", level, ("ROW", "STATEMENT"))
        self.enable = _one_of("enable", enable, tuple(_ENABLE))
        self.events = tuple(events)
        self.body = body
        self.when = when
        self.old_table = check_identifier(old_table) if old_table else None
        self.new_table = check_identifier(new_table) if new_table else None
        if (old_table or new_table) and (timing != "AFTER" or len(self.events) != 1):
            raise ValueError(f"trigger {name}: old_table and new_table go with AFTER and one event only")
        if not self.events or not all(_EVENT.fullmatch(event) for event in self.events):
            raise ValueError(
                f"trigger {name}: events {events!r} are not INSERT, UPDATE [OF columns], DELETE or TRUNCATE"
            )
        if "TRUNCATE" in self.events and level != "STATEMENT":
            raise ValueError(f"trigger {name}: TRUNCATE fires for each STATEMENT only")

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are no part of Django's model state."""

    def create(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Make the function and the trigger, or replace what is there; set its enable mode again."""
        if not router.allow_migrate(schema_editor.connection.alias, app_label):
            return
        quote = schema_editor.quote_name
        when = f" WHEN ({self.when})" if self.when else ""
        rows = f"{self._referencing()} FOR EACH {self.level}{when}"
        schema_editor.execute(
            f"CREATE OR REPLACE FUNCTION {quote(self.name)}() RETURNS trigger LANGUAGE plpgsql "
            f"AS $nullstore$\n{self.body.strip()}\n$nullstore$",
            params=None,
        )
        schema_editor.execute(
            f"CREATE OR REPLACE TRIGGER {quote(self.name)} {self.timing} {' OR '.join(self.events)} "
            f"ON {quote(self.table)}{rows} EXECUTE FUNCTION {quote(self.name)}()",
            params=None,
        )
        schema_editor.execute(
            f"ALTER TABLE {quote(self.table)} {_ENABLE[self.enable]} TRIGGER {quote(self.name)}", params=None
        )

    def _referencing(self) -> str:
        tables = [
            f"{when} TABLE AS {name}" for when, name in (("OLD", self.old_table), ("NEW", self.new_table)) if name
        ]
        return f" REFERENCING {' '.join(tables)}" if tables else ""

    def remove(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Remove the trigger and its function, if they are there."""
        if not router.allow_migrate(schema_editor.connection.alias, app_label):
            return
        quote = schema_editor.quote_name
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {quote(self.name)} ON {quote(self.table)}", params=None)
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {quote(self.name)}()", params=None)


class CreateTrigger(TriggerOperation):
    """Create a trigger and its function; running it again replaces both."""

    category = OperationCategory.ADDITION

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.create(app_label, schema_editor)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.remove(app_label, schema_editor)

    def describe(self) -> str:
        return f"Create trigger {self.name} on {self.table}"

    @property
    def migration_name_fragment(self) -> str:
        return f"create_trigger_{self.name}"


class RemoveTrigger(TriggerOperation):
    """Remove a trigger and its function. Takes the whole definition, so that it can be reversed."""

    category = OperationCategory.REMOVAL

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.remove(app_label, schema_editor)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self.create(app_label, schema_editor)

    def describe(self) -> str:
        return f"Remove trigger {self.name} from {self.table}"

    @property
    def migration_name_fragment(self) -> str:
        return f"remove_trigger_{self.name}"


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{what} {value!r} is not one of {', '.join(allowed)}")
    return value
