"""Every metric that /metrics can have. docs/reference/probes.md is this table; a test holds them together.

Names that begin with pg_ are those of postgres_exporter, with its labels and `server` in addition: erebus or agents.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is as Prometheus shows it: a counter's ends in _total. `help` says the unit."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()


_SLOT: Final = ("server", "slot_name", "slot_type")

METRICS: Final = (
    Metric("pg_up", "gauge", "1 if the database lets the runtime role in and answers within 3 s, else 0.", ("server",)),
    Metric(
        "pg_replication_slot_slot_is_active",
        "gauge",
        "1 if somebody reads the slot, else 0.",
        _SLOT,
    ),
    Metric(
        "pg_replication_slot_wal_status",
        "gauge",
        "1 for the state of the WAL that the slot needs: reserved, extended, unreserved or lost; 0 for the others.",
        (*_SLOT, "wal_status"),
    ),
    Metric(
        "pg_replication_slot_safe_wal_size_bytes",
        "gauge",
        "Bytes of WAL that can be written before the slot may be lost. Absent without max_slot_wal_keep_size.",
        _SLOT,
    ),
    Metric(
        "pg_replication_slots_pg_wal_lsn_diff",
        "gauge",
        "Bytes of WAL that the slot keeps from being removed.",
        ("server", "slot_name", "database"),
    ),
    Metric(
        "nullstore_replication_slot_followed",
        "gauge",
        "1 if the subscription follows the slot, else 0: then it may be an orphan.",
        ("slot_name",),
    ),
    Metric(
        "nullstore_replication_verdict",
        "gauge",
        "1 for the verdict of `manage.py replication status`: ok, syncing, lagging or broken; 0 for the others.",
        ("verdict",),
    ),
    Metric(
        "nullstore_replication_problem",
        "gauge",
        "1 for each problem that `manage.py replication status` shows; severity is its verdict. Absent without any.",
        ("code", "severity"),
    ),
    Metric("nullstore_replication_lag_bytes", "gauge", "Bytes of WAL that are written in erebus and not applied."),
    Metric(
        "nullstore_replication_lag_seconds",
        "gauge",
        "Seconds until what was written is applied; if it does not arrive, for which apply has not moved at least.",
    ),
    Metric(
        "nullstore_replication_arrived",
        "gauge",
        "1 if what was written at the look was applied within 2 s, else 0: then the lag in seconds is a minimum.",
    ),
    Metric("nullstore_subscription_enabled", "gauge", "1 if the subscription is enabled; 0 if disabled or not there."),
    Metric("nullstore_subscription_worker_running", "gauge", "1 if the subscription has an apply worker, else 0."),
    Metric(
        "nullstore_replication_table_state",
        "gauge",
        "1 for the state of a subscribed table: init, data_copy, finished_copy, synced or ready; 0 for the others.",
        ("table", "state"),
    ),
    Metric(
        "nullstore_replication_apply_errors_total",
        "counter",
        "Changes that failed to be applied, since the subscription's statistics were reset.",
    ),
    Metric(
        "nullstore_replication_sync_errors_total",
        "counter",
        "Initial copies of tables that failed, since the subscription's statistics were reset.",
    ),
    Metric(
        "nullstore_replication_conflicts_total",
        "counter",
        "Conflicts by type, as pg_stat_subscription_stats names them, since it was reset. From PostgreSQL 18 on.",
        ("type",),
    ),
    Metric(
        "nullstore_orphaned_tasks",
        "gauge",
        "Tasks whose user neither database has, counted every 5 minutes in each process. 1000 users at most are looked "
        "up.",
    ),
    Metric(
        "nullstore_readable",
        "gauge",
        "1 if this part could be read: publisher, subscriber, lag, errors or tasks; 0: its metrics are left out.",
        ("part",),
    ),
    Metric(
        "nullstore_replication_unseen",
        "gauge",
        "How many facts the role may not see or that took too long; `manage.py replication status` lists them.",
    ),
    Metric(
        "nullstore_replication_look_timestamp_seconds",
        "gauge",
        "When replication was looked at, in seconds since 1970. Looks are shared for 5 s, and used for 60 s.",
    ),
    Metric("nullstore_replication_look_duration_seconds", "gauge", "Seconds that the look at replication took."),
    Metric("nullstore_scrape_duration_seconds", "gauge", "Seconds that this scrape waited for the databases."),
)
