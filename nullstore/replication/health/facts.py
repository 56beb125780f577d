"""What was seen of each end. None: it could not be seen or, where a comment says so, it is not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nullstore.replication import catalog
from nullstore.replication.catalog import (
    Column,
    Constraint,
    Dangling,
    ErrorCounts,
    Key,
    Session,
    SlotLimits,
    SlotState,
    Trigger,
    Worker,
    WorkerLimits,
)
from nullstore.replication.health.expected import Expected


@dataclass(frozen=True, slots=True)
class PublisherFacts:
    """The end that is written. Positions are bytes from the beginning of its WAL."""

    place: str
    server_version: int
    wal_level: str
    position: int
    publication: catalog.Publication | None  # None: there is none
    differences: tuple[str, ...]
    slots: tuple[SlotState, ...]
    readers: tuple[Session, ...]
    limits: SlotLimits
    columns: Mapping[str, tuple[Column, ...]]
    sent_columns: Mapping[str, frozenset[str]]
    keys: Mapping[str, Key | None]  # None: there is no such table
    triggers: Mapping[str, tuple[Trigger, ...]]
    migrations_pending: tuple[str, ...] | None

    def slot(self, name: str | None) -> SlotState | None:
        """Return the slot of that name, or None."""
        return next((slot for slot in self.slots if slot.name == name), None)

    def reader(self, slot: SlotState) -> Session | None:
        """Return the process that reads the slot, or None."""
        return next((each for each in self.readers if each.pid == slot.active_pid), None)


@dataclass(frozen=True, slots=True)
class ReplicaTable:
    """How a replica is made. `schemas` are those with a table of its name; `denied` the rights that its owner lacks;
    `indexes` those that compute something.
    """

    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    triggers: tuple[Trigger, ...]
    schemas: tuple[str, ...]
    key: Key | None  # None: there is no such table
    indexes: tuple[Constraint, ...]
    denied: tuple[str, ...]
    owner: str | None


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """The end that follows. `slot_names` are those that its slot has by turns; `options` are those of the subscription
    by name; `tables` gives each one's srsubstate.
    """

    place: str
    server_version: int
    system_identifier: str
    slot_names: tuple[str, str]
    subscription: catalog.Subscription | None  # None: there is none
    options: Mapping[str, Any]
    differences: tuple[str, ...]
    applied: int | None
    workers: tuple[Worker, ...]
    limits: WorkerLimits
    errors: ErrorCounts
    tables: Mapping[str, str]
    followed_slots: frozenset[str]
    replicas: Mapping[str, ReplicaTable]
    replica_mode: tuple[str, ...]  # whose sessions begin with session_replication_role, as ALTER names them
    at_work: Session | None  # None: nobody
    migrations_pending: tuple[str, ...] | None

    @property
    def worker(self) -> Worker | None:
        """The process that applies, or None while there is none."""
        return next((worker for worker in self.workers if worker.table is None), None)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """An end that could not be looked at, and what was said instead. The message holds no password."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Orphans:
    """Keys that tasks name and neither end has; `capped` says that there may be more."""

    keys: tuple[Dangling, ...]
    capped: bool

    @property
    def tasks(self) -> int:
        """How many tasks name them."""
        return sum(key.rows for key in self.keys)


NOTHING_GROWN: Final = ErrorCounts(0, 0, {})


@dataclass(frozen=True, slots=True)
class Watched:
    """What happened between two looks, in seconds. `arrived` is how long the fence took, None if it did not come;
    `standing` for how long apply has not moved at least; `pids` which apply workers there were one after the other;
    `reader` who read the slot at both looks.
    """

    waited: float = 0.0
    arrived: float | None = None
    standing: float | None = None
    pids: tuple[int | None, ...] = ()
    reader: int | None = None
    grown: ErrorCounts = NOTHING_GROWN
    blockers: tuple[Session, ...] = ()
    refused: str | None = None  # what the publisher says to the replication role; None: let in, or not tried
    orphans: Orphans | None = None

    @property
    def fails(self) -> bool:
        """Tell whether something was seen to fail: errors that grew, or a worker that was started again."""
        return self.grown.apply > 0 or self.grown.sync > 0 or self.restarted

    @property
    def restarted(self) -> bool:
        """Tell whether the apply worker ended, or was another one afterwards."""
        pids = [pid for pid in self.pids if pid is not None]
        return len(pids) > 1 or (bool(pids) and None in self.pids[1:])


NOT_WATCHED: Final = Watched()


@dataclass(frozen=True, slots=True)
class Facts:
    """Both ends, what ought to be, and what happened between the looks. `threshold` is in seconds."""

    publisher: PublisherFacts | Unreachable
    subscriber: SubscriberFacts | Unreachable
    expected: Expected
    threshold: float
    watched: Watched = NOT_WATCHED
