"""Problems of the processes that copy and apply, told from two looks."""

from collections.abc import Iterator

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import SlotState, Subscription, Trigger
from nullstore.replication.health.expected import Expected
from nullstore.replication.health.facts import PublisherFacts, ReplicaTable, SubscriberFacts, Watched
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem


def problems(
    publisher: PublisherFacts, subscriber: SubscriberFacts, watched: Watched, expected: Expected
) -> Iterator[Problem]:
    """login_refused, slot_taken, conflicts, apply_errors, sync_errors, worker_restarting and worker_not_running."""
    ours = subscriber.subscription
    if ours is None or not ours.enabled:
        return
    if watched.refused:
        yield _login_refused(watched.refused)
    if any(watched.grown.conflicts.values()):
        yield _conflicts(watched)
    if watched.arrived is None and watched.pids:
        slot = publisher.slot(ours.slot_name)
        yield from _taken(slot, ours, watched)
        yield from _errors(slot, subscriber, watched, expected)
        yield from _workers(subscriber, ours, watched)


def _login_refused(said: str) -> Problem:
    role, alias = conf.replication_role(), USER_SYNC.publisher
    if "authentication" in said or "does not exist" in said:
        fix = f"In psql on {alias}, with the value of REPLICATION_PASSWORD: \\password {role}"
    elif "pg_hba" in said:
        fix = f"Let {role} in by a line in pg_hba.conf of {alias}; then on {alias}: SELECT pg_reload_conf()"
    elif "log in" in said or "replication" in said.lower():
        fix = f"{alias}: ALTER ROLE {role} LOGIN REPLICATION"
    else:
        fix = f"Do what the message says on {alias}"
    return Problem(
        "login_refused",
        f"{alias} refuses {role} with REPLICATION_PASSWORD: {said}",
        "The role, its password or the rules of the server were changed, or the setting was.",
        fix,
    )


def _conflicts(watched: Watched) -> Problem:
    counted = ", ".join(f"{name} {count:,}" for name, count in sorted(watched.grown.conflicts.items()))
    return Problem(
        "conflicts",
        f"Counted just now: {counted}",
        "Rows of the replica were written or removed behind the guard; manage.py replication verify names them.",
        RESYNC,
    )


def _taken(slot: SlotState | None, ours: Subscription, watched: Watched) -> Iterator[Problem]:
    """Our own walsender comes and goes with our worker; one that stays while ours does not is somebody else's."""
    ours_stays = len(watched.pids) == 1 and watched.pids[0] is not None
    if slot is not None and watched.reader is not None and not ours_stays:
        yield Problem(
            "slot_taken",
            f"Somebody else reads the slot {slot.name}: walsender pid {watched.reader} on {USER_SYNC.publisher}",
            f"A copy of {USER_SYNC.subscriber} was started and takes changes; pg_stat_replication has its address.",
            f"In that copy: ALTER SUBSCRIPTION {ours.name} DISABLE; then manage.py replication resync --anew",
        )


def _errors(
    slot: SlotState | None, subscriber: SubscriberFacts, watched: Watched, expected: Expected
) -> Iterator[Problem]:
    if watched.grown.sync:
        yield Problem(
            "sync_errors",
            f"{watched.grown.sync:,} errors of the initial copy within {watched.waited:.1f} s",
            "Rows that are already in the replica, or a table that refuses the source's rows.",
            RESYNC,
        )
    if watched.grown.apply:
        cause, fix = _why_apply_fails(slot, subscriber, expected)
        yield Problem(
            "apply_errors",
            f"{watched.grown.apply:,} errors of apply within {watched.waited:.1f} s; the log of the server of "
            f"{USER_SYNC.subscriber} has their text",
            cause,
            fix,
        )


def _why_apply_fails(slot: SlotState | None, subscriber: SubscriberFacts, expected: Expected) -> tuple[str, str]:
    if hindrance := next(_hindrances(subscriber, expected), None):
        return f"Probably: {hindrance[0]}", f"{USER_SYNC.subscriber}: {hindrance[1]}"
    if slot is not None and slot.before_publication:
        return "The publication was dropped and made again: behind the slot's position the server has none.", RESYNC
    others = "".join(f" Or the trigger: {USER_SYNC.subscriber}: {drop}." for drop in _watchers(subscriber, expected))
    return (
        "A row is in the way of a change, or the replica refuses it; if it fails again after that, the log of the "
        f"{USER_SYNC.subscriber} server names the reason.{others}",
        RESYNC,
    )


def _watchers(subscriber: SubscriberFacts, expected: Expected) -> Iterator[str]:
    """Yield the statements that drop triggers of others which change no row, but may fail at one."""
    for replica in subscriber.replicas.values():
        for trigger in _others(replica, expected):
            if not trigger.changes_rows:
                yield trigger.drop


def _others(replica: ReplicaTable, expected: Expected) -> list[Trigger]:
    declared = {trigger.name for trigger in expected.declared.triggers}
    return [each for each in replica.triggers if each.acts_on_replication and each.name not in declared]


def _hindrances(subscriber: SubscriberFacts, expected: Expected) -> Iterator[tuple[str, str]]:
    """Yield what of the replica can refuse a row, the likeliest first, each with the statement that takes it away."""
    for table, replica in subscriber.replicas.items():
        for constraint in replica.constraints:
            yield f"The replica {table} has {constraint.name}: {constraint.definition}", constraint.drop
        if replica.denied:
            rights = ", ".join(replica.denied)
            yield (
                f"The owner of {table}, {replica.owner}, as whom apply acts, lacks {rights}",
                f"GRANT {rights} ON public.{table} TO {replica.owner}",
            )
        for trigger in _others(replica, expected):
            if trigger.changes_rows:
                yield f"The replica {table} has the trigger {trigger.name} of somebody's own", trigger.drop
        for index in replica.indexes:
            yield f"The replica {table} has {index.name}: {index.definition}", index.drop


def _workers(subscriber: SubscriberFacts, ours: Subscription, watched: Watched) -> Iterator[Problem]:
    pids = [pid for pid in watched.pids if pid is not None]
    limits = subscriber.limits
    if watched.restarted:
        yield Problem(
            "worker_restarting",
            f"Within {watched.waited:.1f} s the apply worker of {ours.name} had the pids {', '.join(map(str, pids))}",
            f"It meets an error each time; the log of the server of {USER_SYNC.subscriber} has its text.",
            RESYNC,
        )
    elif not pids:
        full = limits.running >= limits.most
        yield Problem(
            "worker_not_running",
            f"{ours.name} is enabled and had no apply worker for {watched.waited:.1f} s; the server runs "
            f"{limits.running} of at most {limits.most} (max_logical_replication_workers)",
            "All are taken, by subscriptions of other databases, too. (max_worker_processes has to be above it.)"
            if full
            else f"The log of the server of {USER_SYNC.subscriber} names the reason.",
            f"{USER_SYNC.subscriber}: ALTER SYSTEM SET max_logical_replication_workers = {2 * limits.most or 4}; "
            "then restart its server"
            if full
            else RESYNC,
        )
