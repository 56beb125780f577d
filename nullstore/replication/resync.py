"""From any broken state to a replica that follows and is equal, with the least copying that is right."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError, ReplicationTimeout, VerificationUnderWay
from nullstore.replication import catalog, publications, roles
from nullstore.replication.compare.repair import repair
from nullstore.replication.compare.results import Verification
from nullstore.replication.compare.verification import verify
from nullstore.replication.declared import Declared, declared
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.specs import PublicationSpec, SubscriptionSpec
from nullstore.replication.subscriptions import differences, ensure_subscription, why_not_whole
from nullstore.replication.trigger_state import as_declared
from nullstore.replication.unfit import refuse_unfit
from nullstore.triggers import TriggerOperation

logger = logging.getLogger(__name__)

#: Is told what is being done, a sentence at a time.
Say = Callable[[str], None]

_LOOK: Final = 1.0
_APPS: Final = {
    USER_SYNC.publisher: USER_SYNC.models[0].source.partition(".")[0],
    USER_SYNC.subscriber: USER_SYNC.models[0].replica.partition(".")[0],
}


@dataclass(frozen=True, slots=True)
class Resynced:
    """What was done, in sentences, and how the content compares at the end."""

    steps: tuple[str, ...]
    verification: Verification


def plan(*, anew: bool = False) -> list[str]:
    """Return what resync() would do, in sentences. Changes nothing. Raises ReplicationError where that would."""
    wanted, publication, subscription = _declared()
    publisher, subscriber = connections[USER_SYNC.publisher], connections[USER_SYNC.subscriber]
    refuse_unfit(publisher, subscriber, publication)
    steps = []
    if catalog.publication(publisher, publication.name) is None:
        steps.append(f"create the publication {publication.name}")
    steps += [f"publication {publication.name}: {said}" for said in publications.differences(publisher, publication)]
    steps += [f"make the trigger {trigger.name} anew" for _, trigger in _damaged(wanted)]
    found = catalog.subscription(subscriber, subscription.name)
    if found is None:
        steps.append(f"create the subscription {subscription.name}, comparing the rows that are there")
    elif steps or anew or (reason := why_not_whole(subscriber, subscription, found)):
        why = "asked for" if anew else "the publication is altered" if steps else reason
        steps.append(f"make the subscription {subscription.name} anew on a new slot, comparing all rows: {why}")
    else:
        steps += [f"subscription {subscription.name}: {said}" for said in differences(subscriber, subscription)]
        steps += [] if found.enabled else [f"enable the subscription {subscription.name}"]
    return [*steps, "wait for the replica, compare it with its source, and mend the rows that differ"]


def resync(
    *,
    say: Say,
    anew: bool = False,
    tables: Collection[str] | None = None,
    timeout: float = 600.0,
    requested_by: str | None = None,
) -> Resynced:
    """Bring publication, triggers and subscription to what is declared, and the replica's rows to its source's.

    Makes a new slot only where changes may have been lost, where apply does not get on, or with `anew`; the rows are
    compared then, and stay readable. `tables` are those to compare otherwise, None all. `timeout` is in seconds, for
    the replica to follow; `say` is told each step. Raises ReplicationError where somebody has to act first (the
    message says who and how), ReplicationTimeout.
    """
    steps: list[str] = []

    def step(sentence: str) -> None:
        steps.append(sentence)
        logger.info("Resync: %s", sentence)
        say(sentence)

    wanted, publication, subscription = _declared()
    refuse_unfit(connections[USER_SYNC.publisher], connections[USER_SYNC.subscriber], publication)
    anew = _mend_publication(wanted, publication, step) or anew
    _mend_triggers(wanted, step)
    _follow(wanted, subscription, step, anew=anew, timeout=timeout)
    look = partial(verify, tables=tables, timeout=timeout, requested_by=requested_by)
    compare = partial(_in_turn, timeout, look)
    mend = partial(_in_turn, timeout, partial(repair, timeout=timeout, requested_by=requested_by))
    verification = _mend_content(subscription, step, compare, mend)
    return Resynced(tuple(steps), verification)


def _declared() -> tuple[Declared, PublicationSpec, SubscriptionSpec]:
    wanted = declared()
    if wanted.publication is None or wanted.subscription is None:
        raise ReplicationError(
            f"No migration declares the publication {USER_SYNC.publication} and the subscription "
            f"{USER_SYNC.subscription}: there is nothing to bring them to."
        )
    return wanted, wanted.publication, wanted.subscription


def _mend_publication(wanted: Declared, spec: PublicationSpec, step: Say) -> bool:
    """Bring the role and the publication to what is declared; tell whether changes may have been missed by that."""
    publisher = connections[USER_SYNC.publisher]
    missing = catalog.publication(publisher, spec.name) is None
    said = publications.differences(publisher, spec)
    with transaction.atomic(using=publisher.alias):
        roles.ensure_role(publisher)
        roles.grant_select(publisher, sorted(spec.table_names))
        publications.ensure_publication(publisher, spec, lineage=wanted.publication_lineage)
    if missing:
        step(f"Created the publication {spec.name}.")
    for sentence in said:
        step(f"Altered the publication {spec.name}: {sentence}.")
    return missing or bool(said)


def _mend_triggers(wanted: Declared, step: Say) -> None:
    for alias, trigger in _damaged(wanted):
        with connections[alias].schema_editor() as editor:
            trigger.create(_APPS[alias], editor)
        step(f"Made the trigger {trigger.name} of {trigger.table} anew.")


def _damaged(wanted: Declared) -> list[tuple[str, TriggerOperation]]:
    """Return the declared triggers that are not there, do not fire as they should, or run something else, each with
    its database.
    """
    declared = [(USER_SYNC.publisher, each) for each in wanted.source_triggers]
    declared += [(USER_SYNC.subscriber, each) for each in wanted.triggers]
    return [(alias, each) for alias, each in declared if not as_declared(each, _found(alias, each))]


def _found(alias: str, wanted: TriggerOperation) -> catalog.Trigger | None:
    there = catalog.triggers(connections[alias], wanted.table)
    return next((trigger for trigger in there if trigger.name == wanted.name), None)


def _follow(wanted: Declared, spec: SubscriptionSpec, step: Say, *, anew: bool, timeout: float) -> None:
    """Have the subscription as declared and following, made anew if changes were lost or if apply does not get on."""
    subscriber = connections[USER_SYNC.subscriber]
    found = catalog.subscription(subscriber, spec.name)
    reason = ensure_subscription(subscriber, spec, anew=anew, lineage=wanted.subscription_lineage)
    made = reason is not None
    if made:
        why = f": {reason}" if reason and not anew else ""
        step(f"Made the subscription {spec.name} {'anew ' if found else ''}on a new slot{why}.")
    elif found and not found.enabled:
        step(f"Enabled the subscription {spec.name}.")
    if _arrives(subscriber, spec, timeout):
        return
    if made:
        raise ReplicationError(
            f"The subscription {spec.name} was made anew, and applying changes still fails. What is in its way: "
            "manage.py replication status, and the log of the agents server"
        )
    ensure_subscription(subscriber, spec, anew=True)
    step(f"Made the subscription {spec.name} anew on a new slot: applying changes failed again and again.")
    if not _arrives(subscriber, spec, timeout):
        raise ReplicationError(
            f"Applying changes to {subscriber.alias} fails again. What is in its way: manage.py replication status"
        )


def _arrives(subscriber: BaseDatabaseWrapper, spec: SubscriptionSpec, timeout: float) -> bool:
    """Wait until the replica has what the source has; return False as soon as apply or the copy is seen to fail."""
    found = catalog.subscription(subscriber, spec.name)
    assert found is not None
    before, patience = catalog.error_counts(subscriber, found.oid), _patience(subscriber)
    started = seen = time.monotonic()
    while True:
        try:
            wait_until_replicated(_LOOK)
        except ReplicationTimeout as error:
            grown = catalog.error_counts(subscriber, found.oid).grown_since(before)
            now = time.monotonic()
            if catalog.apply_worker_pid(subscriber, found.oid) is not None:
                seen = now
            if grown.apply or grown.sync or now - seen > patience:
                return False
            if now - started > timeout:
                raise ReplicationTimeout(
                    f"The replica does not follow within {timeout:g} s. {error} What is in its way: "
                    "manage.py replication status"
                ) from error
        else:
            return True


def _patience(subscriber: BaseDatabaseWrapper) -> float:
    """Return for how many seconds a healthy subscription may be without its worker."""
    return 2 * catalog.worker_limits(subscriber).retry_interval + _LOOK


def _mend_content(
    spec: SubscriptionSpec, step: Say, compare: Callable[[], Verification], mend: Callable[[Verification], Verification]
) -> Verification:
    found = compare()
    if found.equal:
        step(f"Compared {found.source_rows:,} rows: equal.")
        return found
    if found.differing > len(found.differences):
        ensure_subscription(connections[USER_SYNC.subscriber], spec, anew=True)
        step(f"{found.differing:,} rows differed: made the subscription {spec.name} anew, comparing all of them.")
        return compare()
    mended = mend(found)
    done = ", ".join(f"{count:,} {what}" for what, count in (mended.repaired or {}).items())
    step(f"Compared {found.source_rows:,} rows and mended those that differed ({done}).")
    return mended


def _in_turn(timeout: float, act: Callable[..., Verification], *args: Any) -> Verification:
    """Call `act`; if somebody else compares at this moment, when that one has ended."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return act(*args)
        except VerificationUnderWay:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
