"""Every code of a problem: how bad it is, what it means, what mends it, and which others it explains.

docs/reference/status.md is this table; a test holds them together.
"""

from dataclasses import dataclass
from typing import Final

from nullstore.replication.health.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Code:
    """`explains` are the codes that are consequences of this one and are not shown beside it."""

    name: str
    verdict: Verdict
    meaning: str
    mend: str
    explains: frozenset[str] = frozenset()


_WORKER = frozenset({"worker_not_running", "worker_restarting", "apply_errors", "slot_inactive", "lagging"})
_COPY = frozenset({"table_not_ready", "sync_errors"})
_STREAM = _WORKER | _COPY | {"login_refused"}
_RESYNC = "`manage.py replication resync`"
_B, _L, _S = Verdict.BROKEN, Verdict.LAGGING, Verdict.SYNCING

#: Causes before what they cause: the order in which problems are shown.
CODES: Final = (
    Code(
        "publisher_unreachable",
        _B,
        "The server of erebus does not answer, refuses the login, or has no such database.",
        "start it (`manage.py localdb start` for the local pair), or correct `EREBUS_DATABASE_URL`; where it fails "
        "over, promote its standby",
        _STREAM | {"subscription_differs", "connection_differs"},
    ),
    Code(
        "subscriber_unreachable",
        _B,
        "The server of agents does not answer, refuses the login, or has no such database.",
        "start it (`manage.py localdb start` for the local pair), or correct `AGENTS_DATABASE_URL`",
        _STREAM,
    ),
    Code(
        "wal_level",
        _B,
        "The publisher's `wal_level` is not `logical`.",
        "`ALTER SYSTEM SET wal_level = 'logical'` on erebus and a restart of its server",
        _STREAM | {"slot_missing", "slot_lost", "publication_missing", "subscription_missing"},
    ),
    Code(
        "migrations_pending",
        _S,
        "Migrations on disk are not applied in the database that is their home.",
        "`manage.py migrate`",
    ),
    Code(
        "work_in_progress",
        _S,
        "A run of `migrate`, `resync` or the like is working on the subscription at this moment.",
        "let it end",
        frozenset({"slot_orphaned"}),
    ),
    Code(
        "source_rolled_back",
        _B,
        "The subscription has applied more than the publisher ever wrote: the source was restored from an older state "
        "or replaced, and new rows are passed over in silence.",
        _RESYNC,
        _STREAM | {"slot_missing", "conflicts", "connection_differs"},
    ),
    Code("publication_missing", _B, "The publication is not there.", _RESYNC, _STREAM | {"table_not_subscribed"}),
    Code(
        "publication_differs",
        _B,
        "The publication has other tables, columns, row filters or options than the migrations declare.",
        _RESYNC,
    ),
    Code("subscription_missing", _B, "The subscription is not there.", _RESYNC, _STREAM),
    Code(
        "slot_missing",
        _B,
        "The slot that the subscription follows is not there, or it follows none.",
        _RESYNC,
        _STREAM | {"subscription_disabled", "connection_differs"},
    ),
    Code(
        "slot_lost",
        _B,
        "The slot was invalidated: WAL that the subscription had not read yet is gone.",
        _RESYNC,
        _STREAM | {"slot_near_limit", "subscription_disabled", "connection_differs"},
    ),
    Code(
        "slot_elsewhere",
        _B,
        "The subscription follows a slot that is not named for this database. Two databases on one slot take changes "
        "from each other without any error.",
        _RESYNC,
        frozenset({"slot_orphaned"}),
    ),
    Code(
        "slot_taken",
        _B,
        "Somebody else reads the slot that the subscription follows, such as a copy of this database that was started: "
        "it takes changes away, without any error.",
        "`ALTER SUBSCRIPTION ... DISABLE` in the copy, then `manage.py replication resync --anew`",
        _STREAM,
    ),
    Code(
        "subscription_disabled",
        _B,
        "The subscription is disabled: nothing is applied, and its slot keeps WAL.",
        "`manage.py replication enable`",
        _STREAM,
    ),
    Code(
        "subscription_differs",
        _B,
        "The subscription has another publication or other options than declared.",
        _RESYNC,
        _STREAM,
    ),
    Code(
        "connection_differs",
        _B,
        "The subscription has another connection string than the settings make: the source was failed over, moved or "
        "renamed, or the password was rotated.",
        "`manage.py replication reconnect`",
        _STREAM,
    ),
    Code(
        "login_refused",
        _B,
        "The publisher refuses the replication role with `REPLICATION_PASSWORD` by `REPLICATION_SOURCE_URL`.",
        "what the server said decides: the role's password, its attributes, `pg_hba.conf`, `max_wal_senders`",
        _WORKER | _COPY,
    ),
    Code(
        "replica_missing",
        _B,
        "The replicated table is not there in agents, or lies in another schema than `public`.",
        f"`ALTER TABLE ... SET SCHEMA public` on agents; else a backup, or `CREATE TABLE` and then {_RESYNC}",
        _WORKER | _COPY | {"table_not_subscribed", "columns_differ"},
    ),
    Code(
        "table_not_subscribed",
        _B,
        "A published table is not in the subscription: its rows do not arrive.",
        _RESYNC,
    ),
    Code(
        "columns_differ",
        _B,
        "A published column is missing in the replica, has another type there or is GENERATED, or the replica wants a "
        "value that the source does not send. Such a column stops apply.",
        f"`ALTER TABLE` on agents, shown with the problem; for a missing column then {_RESYNC}",
        _WORKER | {"sync_errors", "table_not_ready"},
    ),
    Code(
        "replica_key",
        _B,
        "The replica has no primary key of the columns by which the source names a row: updates and deletes stop "
        "apply.",
        "`ALTER TABLE ... ADD PRIMARY KEY` on agents, shown with the problem",
        _WORKER,
    ),
    Code(
        "replica_identity",
        _B,
        "The source has no replica identity: it refuses updates and deletes while it is published.",
        "`ALTER TABLE ... REPLICA IDENTITY DEFAULT` on erebus, shown with the problem",
    ),
    Code(
        "replica_constraint",
        _B,
        "The replica has a CHECK, UNIQUE or other constraint beside its primary key: the next row that it refuses "
        "stops apply.",
        "`ALTER TABLE ... DROP CONSTRAINT` on agents, shown with the problem",
        (_WORKER - {"apply_errors"}) | {"table_not_ready"},
    ),
    Code(
        "trigger_foreign",
        _B,
        "The replica has a trigger that no migration declares, and it fires for replicated rows: one BEFORE each ROW "
        "can change them or leave them out without any error. Any other is named with `apply_errors`.",
        "`DROP TRIGGER` on agents, shown with the problem",
        (_WORKER - {"apply_errors"}) | {"table_not_ready"},
    ),
    Code(
        "conflicts",
        _B,
        "Replicated changes meet rows in the replica that should not be there, or do not find theirs (counted from "
        "PostgreSQL 18 on, between two looks).",
        _RESYNC,
        _WORKER - {"apply_errors"},
    ),
    Code(
        "sync_errors",
        _B,
        "The initial copy of a table fails and is tried again and again.",
        _RESYNC,
        _WORKER | {"table_not_ready"},
    ),
    Code(
        "apply_errors",
        _B,
        "Applying a change fails and is tried again and again.",
        f"what the problem says: {_RESYNC}, or the constraint to drop; `manage.py replication skip` leaves the "
        "transaction out, and shows it first",
        frozenset({"worker_not_running", "worker_restarting", "slot_inactive", "lagging", "table_not_ready"}),
    ),
    Code(
        "worker_restarting",
        _B,
        "The apply worker ends and is started again, over and over.",
        "what the problem says; else the log of the agents server names the reason",
        frozenset({"worker_not_running", "slot_inactive", "lagging", "table_not_ready"}),
    ),
    Code(
        "worker_not_running",
        _B,
        "The subscription is enabled and has no apply worker.",
        "what the problem says: a limit of the server, or its log",
        frozenset({"slot_inactive", "lagging", "table_not_ready"}),
    ),
    Code(
        "apply_blocked",
        _L,
        "A session on agents holds a lock that the apply worker waits for, and everything after it waits, too.",
        "`SELECT pg_terminate_backend(PID)` on agents, with the pid that is shown",
        frozenset({"slot_inactive", "lagging", "table_not_ready"}),
    ),
    Code("slot_inactive", _B, "Nobody reads the slot.", _RESYNC, frozenset({"lagging"})),
    Code(
        "table_not_ready",
        _S,
        "The initial copy of a table is still going on.",
        "`manage.py replication wait --timeout 600`",
        frozenset({"lagging"}),
    ),
    Code(
        "lagging",
        _L,
        "The replica is further behind than `NULLSTORE_LAG_THRESHOLD` seconds.",
        "`manage.py replication wait --timeout 600`; if it goes on, less load, or a faster server; what the problem "
        "says where the source waits for a standby of its own",
    ),
    Code(
        "slot_near_limit",
        _L,
        "The slot will soon be invalidated: less than a fifth is left of `max_slot_wal_keep_size` or of "
        "`idle_replication_slot_timeout`.",
        "mend what keeps it from being read, or raise the limit",
    ),
    Code(
        "slot_orphaned",
        _L,
        "A slot with a name of ours is followed by no subscription of the agents server. It keeps WAL until the disk "
        "is full.",
        "`manage.py replication drop-slot NAME` (SQL for one made by hand), unless another installation follows it",
    ),
    Code("guard_missing", _B, "The trigger that keeps others from writing the replica is not there.", _RESYNC),
    Code("guard_disabled", _B, "That trigger is there and does not fire.", _RESYNC),
    Code(
        "guard_lifted",
        _B,
        "`session_replication_role` is set for the agents database or for a role: its sessions pass the trigger by.",
        "`ALTER DATABASE` or `ALTER ROLE ... RESET session_replication_role` on agents, shown with the problem",
    ),
    Code(
        "guard_differs", _B, "That trigger runs another function than declared, or fires for other statements.", _RESYNC
    ),
    Code(
        "trigger_missing",
        _B,
        "A trigger that keeps `tasks.user_id` true when users go, or that keeps TRUNCATE from the source, is not there "
        "or does not fire always.",
        _RESYNC,
    ),
    Code(
        "trigger_differs",
        _B,
        "Such a trigger runs another function than declared, or fires for something else.",
        _RESYNC,
    ),
    Code(
        "orphaned_tasks",
        _L,
        "Tasks name users that neither the replica nor the source has.",
        "`UPDATE public.tasks SET user_id = NULL ...` on agents, shown with the problem",
    ),
)
