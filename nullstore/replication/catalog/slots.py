"""What the publishing server keeps for its followers: slots, their limits, the age of the WAL they hold."""

from dataclasses import dataclass
from datetime import datetime

from nullstore.replication.catalog.query import Connection, first_row, rows


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot of this database that decodes for a subscription. Positions and sizes are bytes of WAL.

    `safe` is what may still be written before the slot is lost, None without a limit. `inactive_since` and
    `invalidation_reason` are known from 17 on. `before_publication`: the publication was made or altered at a place in
    the WAL that the slot may not have passed; decoding what was before it, PostgreSQL 15 does not find it and fails.
    """

    name: str
    active_pid: int | None
    status: str | None
    position: int | None
    retained: int | None
    safe: int | None
    inactive_since: datetime | None
    inactive_seconds: float | None
    invalidation_reason: str | None
    before_publication: bool


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """What bounds a slot that nobody reads: bytes of WAL, and seconds (18); None means no limit."""

    bytes: int | None
    seconds: float | None


def slot_states(connection: Connection, publication: str) -> tuple[SlotState, ...]:
    """Return this database's slots for subscriptions. Columns that a version lacks are asked for through jsonb."""
    found = rows(
        connection,
        """
        SELECT slot_name::text, active_pid, wal_status, (confirmed_flush_lsn - '0/0'::pg_lsn)::bigint,
               (pg_current_wal_insert_lsn() - restart_lsn)::bigint, safe_wal_size,
               (j ->> 'inactive_since')::timestamptz,
               extract(epoch FROM clock_timestamp() - (j ->> 'inactive_since')::timestamptz)::float8,
               j ->> 'invalidation_reason',
               coalesce(age(catalog_xmin) >= (SELECT age(xmin) FROM pg_publication WHERE pubname = %s), false)
        FROM pg_replication_slots AS s, to_jsonb(s) AS j
        WHERE database = current_database() AND plugin = 'pgoutput' AND NOT temporary ORDER BY slot_name
        """,
        [publication],
    )
    return tuple(SlotState(*row) for row in found)


def slot_limits(connection: Connection) -> SlotLimits:
    """Return what the server bounds slots with."""
    row = first_row(
        connection,
        """
        SELECT (SELECT nullif(setting::bigint, -1) * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
               (SELECT nullif(setting::float8, 0) * CASE unit WHEN 'min' THEN 60 ELSE 1 END FROM pg_settings
                WHERE name = 'idle_replication_slot_timeout')
        """,
    )
    assert row is not None
    return SlotLimits(*row)


def wal_age(connection: Connection, position: int) -> float | None:
    """Return how many seconds ago the segment of WAL that holds `position` was written to its end.

    None while it is the one being written. Needs pg_monitor.
    """
    row = first_row(
        connection,
        """
        SELECT extract(epoch FROM clock_timestamp() - modification)::float8 FROM pg_ls_waldir(),
               pg_walfile_name('0/0'::pg_lsn + %s::numeric + 1) AS held
        WHERE name = held AND held < pg_walfile_name(pg_current_wal_insert_lsn())
        """,
        [position],
    )
    return row[0] if row else None


def slot_file_age(connection: Connection, name: str) -> float | None:
    """Return for how many seconds at least the slot's state on disk has been the same. Needs pg_monitor.

    A checkpoint writes it if it has changed, so one interval between checkpoints is taken off.
    """
    row = first_row(
        connection,
        """
        SELECT extract(epoch FROM clock_timestamp() - max(modification))::float8
               - 1.1 * (SELECT setting::float8 FROM pg_settings WHERE name = 'checkpoint_timeout')
        FROM pg_ls_replslotdir(%s) WHERE name = 'state'
        """,
        [name],
    )
    return None if row is None or row[0] is None else max(float(row[0]), 0.0)


def wal_level(connection: Connection) -> str:
    """Return the server's wal_level; only `logical` can publish."""
    row = first_row(connection, "SELECT current_setting('wal_level')")
    assert row is not None
    return str(row[0])
