"""What the migrations on disk declare about replication, after the last one."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from nullstore.databases import HOMES, USER_SYNC
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreatePublication,
    CreateSubscription,
    GuardReplica,
    RemovePublication,
    RemoveSubscription,
    UnguardReplica,
)
from nullstore.replication.specs import PublicationSpec, SubscriptionSpec
from nullstore.triggers import CreateTrigger, RemoveTrigger, TriggerOperation


@dataclass(frozen=True, slots=True)
class Declared:
    """The publication and the subscription of USER_SYNC, and the triggers of the replicas, as declared last."""

    publication: PublicationSpec | None
    subscription: SubscriptionSpec | None
    triggers: tuple[TriggerOperation, ...]

    @property
    def guards(self) -> tuple[GuardReplica, ...]:
        """The write blocks of replicas."""
        return tuple(trigger for trigger in self.triggers if isinstance(trigger, GuardReplica))

    @property
    def guarded(self) -> frozenset[str]:
        """The tables that have a write block."""
        return frozenset(guard.table for guard in self.guards)

    @property
    def followers(self) -> tuple[TriggerOperation, ...]:
        """The triggers that fire for replicated rows."""
        return tuple(trigger for trigger in self.triggers if trigger.enable == "ALWAYS" and trigger.level == "ROW")


def declared() -> Declared:
    """Return what the migrations of this project declare. Asks no database."""
    publications: dict[str, PublicationSpec] = {}
    subscriptions: dict[str, SubscriptionSpec] = {}
    triggers: dict[str, TriggerOperation] = {}
    for app_label, operation in _operations():
        match operation:
            case CreatePublication():
                publications[operation.spec.name] = operation.spec
            case AlterPublication():
                publications[operation.after.name] = operation.after
            case RemovePublication():
                publications.pop(operation.spec.name, None)
            case CreateSubscription():
                subscriptions[operation.spec.name] = operation.spec
            case AlterSubscription():
                subscriptions[operation.after.name] = operation.after
            case RemoveSubscription():
                subscriptions.pop(operation.spec.name, None)
            case UnguardReplica() | RemoveTrigger():
                triggers.pop(operation.name, None)
            case CreateTrigger() if HOMES.get(app_label) == USER_SYNC.subscriber:
                triggers[operation.name] = operation
    replicas = {apps.get_model(model.replica)._meta.db_table for model in USER_SYNC.models}
    return Declared(
        publications.get(USER_SYNC.publication),
        subscriptions.get(USER_SYNC.subscription),
        tuple(trigger for trigger in triggers.values() if trigger.table in replicas),
    )


def _operations() -> Iterator[tuple[str, Operation]]:
    loader = MigrationLoader(None)
    plan: dict[tuple[str, str], None] = {}
    for leaf in loader.graph.leaf_nodes():
        plan.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    for key in plan:
        yield from ((key[0], operation) for operation in loader.graph.nodes[key].operations)
