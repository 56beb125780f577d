"""What the migrations on disk declare about replication, after the last one."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from nullstore.databases import HOMES, USER_SYNC
from nullstore.replication import stamps
from nullstore.replication.operations import (
    AlterPublication,
    AlterSubscription,
    CreatePublication,
    CreateSubscription,
    RemovePublication,
    RemoveSubscription,
    UnguardReplica,
)
from nullstore.replication.specs import PublicationSpec, SubscriptionSpec
from nullstore.triggers import CreateTrigger, RemoveTrigger, TriggerOperation


@dataclass(frozen=True, slots=True)
class Declared:
    """The publication and the subscription of USER_SYNC, and the triggers of the replicas, as declared last;
    `source_triggers` are those that keep TRUNCATE, which is not published, from the sources.
    """

    publication: PublicationSpec | None
    subscription: SubscriptionSpec | None
    triggers: tuple[TriggerOperation, ...]
    #: The digests of all declarations of each, in their order.
    publication_lineage: tuple[str, ...] = ()
    subscription_lineage: tuple[str, ...] = ()
    source_triggers: tuple[TriggerOperation, ...] = ()


def declared() -> Declared:
    """Return what the migrations of this project declare. Asks no database."""
    publications: dict[str, list[PublicationSpec]] = {}
    subscriptions: dict[str, list[SubscriptionSpec]] = {}
    triggers: dict[str, TriggerOperation] = {}
    source_triggers: dict[str, TriggerOperation] = {}
    for app_label, operation in _operations():
        match operation:
            case CreatePublication():
                publications[operation.spec.name] = [operation.spec]
            case AlterPublication():
                publications.setdefault(operation.after.name, []).append(operation.after)
            case RemovePublication():
                publications.pop(operation.spec.name, None)
            case CreateSubscription():
                subscriptions[operation.spec.name] = [operation.spec]
            case AlterSubscription():
                subscriptions.setdefault(operation.after.name, []).append(operation.after)
            case RemoveSubscription():
                subscriptions.pop(operation.spec.name, None)
            case UnguardReplica() | RemoveTrigger():
                held = source_triggers if HOMES.get(app_label) == USER_SYNC.publisher else triggers
                held.pop(operation.name, None)
            case CreateTrigger() if HOMES.get(app_label) == USER_SYNC.subscriber:
                triggers[operation.name] = operation
            case CreateTrigger() if HOMES.get(app_label) == USER_SYNC.publisher and "TRUNCATE" in operation.events:
                source_triggers[operation.name] = operation
    sources = {apps.get_model(model.source)._meta.db_table for model in USER_SYNC.models}
    replicas = {apps.get_model(model.replica)._meta.db_table for model in USER_SYNC.models}
    publication = publications.get(USER_SYNC.publication, [])
    subscription = subscriptions.get(USER_SYNC.subscription, [])
    return Declared(
        publication[-1] if publication else None,
        subscription[-1] if subscription else None,
        tuple(trigger for trigger in triggers.values() if trigger.table in replicas),
        tuple(stamps.digests(*publication)),
        tuple(stamps.digests(*subscription)),
        tuple(trigger for trigger in source_triggers.values() if trigger.table in sources),
    )


def _operations() -> Iterator[tuple[str, Operation]]:
    loader = MigrationLoader(None)
    plan: dict[tuple[str, str], None] = {}
    for leaf in loader.graph.leaf_nodes():
        plan.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    for key in plan:
        yield from ((key[0], operation) for operation in loader.graph.nodes[key].operations)
