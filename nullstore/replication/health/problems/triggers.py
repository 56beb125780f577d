"""Problems of triggers: those that are declared, on either side, and those of others on the replica."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication import catalog, trigger_state
from nullstore.replication.health.expected import Expected
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem
from nullstore.replication.operations import GuardReplica
from nullstore.triggers import TriggerOperation

_SAID = {"O": "not for replicated rows", "A": "always", "R": "for replicated rows only", "D": "never"}


def of_the_source(publisher: PublisherFacts, expected: Expected) -> Iterator[Problem]:
    """trigger_missing and trigger_differs."""
    means = "TRUNCATE is not published: it would leave the replica full."
    for wanted in expected.declared.source_triggers:
        if publisher.keys.get(wanted.table) is not None:
            found = _named(publisher.triggers[wanted.table], wanted.name)
            yield from _trigger(wanted, found, USER_SYNC.publisher, "trigger", means)


def of_the_replica(subscriber: SubscriberFacts, expected: Expected) -> Iterator[Problem]:
    """guard_missing, guard_disabled, guard_differs, trigger_missing and trigger_differs."""
    for wanted in expected.declared.triggers:
        replica = subscriber.replicas.get(wanted.table)
        if replica is None or not replica.columns:
            continue
        kind, means = (
            ("guard", f"Anybody with the rights could write {wanted.table}; resync compares its rows, too.")
            if isinstance(wanted, GuardReplica)
            else ("trigger", "Tasks do not follow what happens to their users.")
        )
        yield from _trigger(wanted, _named(replica.triggers, wanted.name), USER_SYNC.subscriber, kind, means)


def _named(triggers: tuple[catalog.Trigger, ...], name: str) -> catalog.Trigger | None:
    return next((trigger for trigger in triggers if trigger.name == name), None)


def _trigger(
    wanted: TriggerOperation, found: catalog.Trigger | None, alias: str, kind: str, means: str
) -> Iterator[Problem]:
    what = f"The trigger {wanted.name} on {alias}.{wanted.table}"
    if found is None:
        yield Problem(f"{kind}_missing", f"{what} is not there", f"Somebody dropped it. {means}", RESYNC)
    elif not trigger_state.enabled(wanted, found):
        code = "guard_disabled" if kind == "guard" else "trigger_missing"
        fires = f"{what} fires {_SAID[found.enabled]} (tgenabled {found.enabled})"
        yield Problem(code, fires, f"Somebody altered it. {means}", RESYNC)
    elif not trigger_state.fires(wanted, found):
        condition = f" WHEN ({found.when})" if found.when else ""
        fires = f"{found.timing} {' OR '.join(sorted(found.events))} FOR EACH {found.level}{condition}"
        yield Problem(
            f"{kind}_differs", f"{what} fires {fires}, not as declared", f"Somebody replaced it. {means}", RESYNC
        )
    elif not trigger_state.same_body(wanted, found):
        other = f"{what} runs another function than declared"
        yield Problem(f"{kind}_differs", other, f"Somebody replaced it. {means}", RESYNC)


def lifted(subscriber: SubscriberFacts) -> Iterator[Problem]:
    """guard_lifted."""
    for whose in subscriber.replica_mode:
        yield Problem(
            "guard_lifted",
            f"session_replication_role is set for {whose} on {USER_SYNC.subscriber}",
            "Sessions that begin so pass the guard by, and replication's own triggers fire for what they write.",
            f"{USER_SYNC.subscriber}: ALTER {whose} RESET session_replication_role",
        )


def foreign(subscriber: SubscriberFacts, expected: Expected) -> Iterator[Problem]:
    """trigger_foreign: one that can change or swallow rows."""
    declared = {(trigger.table, trigger.name) for trigger in expected.declared.triggers}
    for table, replica in subscriber.replicas.items():
        for trigger in replica.triggers:
            if not trigger.acts_on_replication or (table, trigger.name) in declared:
                continue
            if trigger.changes_rows:
                events = " OR ".join(sorted(trigger.events))
                yield Problem(
                    "trigger_foreign",
                    f"The replica {table} has the trigger {trigger.name}, {trigger.timing} {events} FOR EACH "
                    f"{trigger.level}, which fires for replicated rows",
                    "Somebody made it; no migration declares it.",
                    f"{USER_SYNC.subscriber}: {trigger.drop}",
                )
