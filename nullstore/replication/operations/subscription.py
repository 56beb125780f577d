"""The operations for subscriptions: created, altered, removed. All need `atomic = False` on the migration."""

from collections.abc import Mapping
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import OperationCategory

from nullstore.replication import stamps
from nullstore.replication.conninfo import masked, subscription_conninfo
from nullstore.replication.operations.base import ReplicationOperation
from nullstore.replication.operations.declare import subscription_spec
from nullstore.replication.options import SUBSCRIPTION_OPTIONS, clause, dropped, to_alter
from nullstore.replication.renewal import create_statement
from nullstore.replication.specs import SubscriptionSpec
from nullstore.replication.subscriptions import drop_subscription, ensure_subscription


class _Subscription(ReplicationOperation):
    """`publisher` is an alias; `options` are PostgreSQL's (nullstore.replication.options). Raises ValueError."""

    def __init__(
        self, name: str, *, publication: str, publisher: str, options: Mapping[str, Any] | None = None
    ) -> None:
        self.spec = subscription_spec(name, publication=publication, publisher=publisher, options=options)

    def create(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.refuse_transaction(schema_editor)
        ensure_subscription(schema_editor.connection, self.spec)

    def remove(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.refuse_transaction(schema_editor)
        drop_subscription(schema_editor.connection, self.spec)

    def create_sql(self) -> list[str]:
        name, publisher = self.spec.name, self.spec.publisher
        statement = create_statement(self.spec, f"{name}_", masked(subscription_conninfo(publisher)), copy_data=True)
        stamp = stamps.line([stamps.digest(self.spec)])
        return [
            f"-- On {publisher}: a slot named {name}_ and 8 hex digits that identify this database",
            statement.as_string(),
            stamps.comment("SUBSCRIPTION", name, stamp).as_string(),
        ]

    def remove_sql(self) -> list[str]:
        name = self.spec.name
        return [
            f"ALTER SUBSCRIPTION {name} DISABLE",
            f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)",
            f"DROP SUBSCRIPTION {name}",
            f"-- On {self.spec.publisher}: drop its slot, which is named {name}_ and 8 hex digits",
        ]


class CreateSubscription(_Subscription):
    """Create the subscription `name` to `publication` in the database of the alias `publisher`, on a slot of its own.

    Copies the rows that are there and goes on streaming; returns once it is enabled. Reversed, subscription and slot
    go and the rows stay. Needs `atomic = False` on the migration: the slot lives on the other server, outside any
    transaction here. Raises ReplicationError (no publication; slot not to be had in time; server refuses).
    """

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.create(schema_editor)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.remove(schema_editor)

    def forwards_sql(self, database: str) -> list[str]:
        return self.create_sql()

    def backwards_sql(self, database: str) -> list[str]:
        return self.remove_sql()

    def describe(self) -> str:
        return f"Create subscription {self.spec.name} to {self.spec.publication} on {self.spec.publisher}"

    @property
    def migration_name_fragment(self) -> str:
        return f"create_subscription_{self.spec.name}"


class RemoveSubscription(_Subscription):
    """Remove the subscription and its slot; the rows stay. Takes the whole declaration, so that it can be reversed.

    Raises DatabaseUnavailable if the publisher does not answer: the slot would stay and keep WAL.
    """

    category = OperationCategory.REMOVAL

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.remove(schema_editor)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.create(schema_editor)

    def forwards_sql(self, database: str) -> list[str]:
        return self.remove_sql()

    def backwards_sql(self, database: str) -> list[str]:
        return self.create_sql()

    def describe(self) -> str:
        return f"Remove subscription {self.spec.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"remove_subscription_{self.spec.name}"


class AlterSubscription(ReplicationOperation):
    """Alter the subscription `name` from `before` to `after`; each has the keywords of CreateSubscription.

    An option that is only in `before` gets PostgreSQL's default again. Tables that are new in the publication are
    followed. Another publication, or an option that this server cannot alter, needs a new slot.
    """

    category = OperationCategory.ALTERATION

    def __init__(self, name: str, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self.before = subscription_spec(name, **before)
        self.after = subscription_spec(name, **after)

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._alter(schema_editor, self.before, self.after)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self._alter(schema_editor, self.after, self.before)

    def _alter(
        self, schema_editor: BaseDatabaseSchemaEditor, before: SubscriptionSpec, after: SubscriptionSpec
    ) -> None:
        self.refuse_transaction(schema_editor)
        reset = dropped(before.options, after.options, SUBSCRIPTION_OPTIONS)
        ensure_subscription(schema_editor.connection, after, before, reset)

    def forwards_sql(self, database: str) -> list[str]:
        return self._sql(self.before, self.after)

    def backwards_sql(self, database: str) -> list[str]:
        return self._sql(self.after, self.before)

    def _sql(self, before: SubscriptionSpec, after: SubscriptionSpec) -> list[str]:
        name = after.name
        wanted = {
            **dropped(before.options, after.options, SUBSCRIPTION_OPTIONS),
            **to_alter(after.options, before.options),
        }
        statements = [f"ALTER SUBSCRIPTION {name} SET ({clause(wanted)})"] if wanted else []
        if before.publication != after.publication:
            statements += [f"-- {name} is made anew on a new slot, to follow {after.publication}"]
        return [*statements, f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION"]

    def describe(self) -> str:
        return f"Alter subscription {self.after.name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"alter_subscription_{self.after.name}"
