"""Decides of rows that were not the same when they were read whether they stay so, while writers and apply go on."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.replication.compare.ends import Ends, open_end
from nullstore.replication.compare.results import Difference
from nullstore.replication.compare.shape import Side, TablePair

#: Returns when the replica has all that was committed in the source before the call.
Fence = Callable[[], object]

_ROUNDS: Final = 8
_LONGEST_PAUSE: Final = 0.2
_READ: Final = sql.SQL("SELECT {key}::text, xmin::text, {digests} FROM {table} AS t WHERE {where} AND {keys}")
_LOCK: Final = sql.SQL("SELECT FROM {table} AS t WHERE {where} AND {keys} ORDER BY {key} FOR SHARE")
# Shorter than PostgreSQL's deadlock_timeout (1 s): in a deadlock it is this program that gives up.
_LOCK_TIMEOUT: Final = "500ms"


@dataclass(frozen=True, slots=True)
class Version:
    """A row as it was at one moment: the transaction that wrote it, and a digest of each column."""

    xmin: str
    digests: tuple[bytes | None, ...]


Versions = Mapping[str, Version]


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that is proven to differ. `replica` is the version there, None where it is missing."""

    difference: Difference
    replica: Version | None


@dataclass(slots=True)
class Settled:
    """What became of the suspects; those that turned out to be the same are in neither list."""

    findings: list[Finding] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)

    def differences(self, table: str) -> Iterator[Difference]:
        yield from (finding.difference for finding in self.findings)
        yield from (Difference(table, key, "changing") for key in self.changing)


@dataclass(frozen=True, slots=True)
class Look:
    """Four readings in this order: `held` of the replica, `before` of the source, `replica`, `after` of the source.

    Everything that was committed in the source up to `before` had arrived when `replica` was read.
    """

    held: Versions
    before: Versions
    replica: Versions
    after: Versions

    def same(self, key: str) -> bool:
        """Tell whether the replica had what the source had at either moment."""
        found = _content(self.replica, key)
        return found in (_content(self.before, key), _content(self.after, key))

    def stays_different(self, key: str) -> bool:
        """Tell whether a row that is not the same cannot become so by what is still on its way.

        A version of the source that was there before and after is what the replica had to have. A row that the source
        has at neither moment may have come and gone between them; so the replica's must be an older one.
        """
        before, after = self.before.get(key), self.after.get(key)
        if before is None or after is None:
            held, found = self.held.get(key), self.replica.get(key)
            return before is after and held is not None and found is not None and held.xmin == found.xmin
        return before.xmin == after.xmin


def settle(pair: TablePair, ends: Ends, suspects: Sequence[str], fence: Fence, *, lock: bool) -> Settled:
    """Look at the suspects again, behind a fence, until each is the same or is proven to differ.

    Rows that are written so often that this does not come about are locked in the source for some milliseconds, if
    `lock` allows it; those that cannot be locked are returned as changing.
    """
    settled, open_keys = Settled(), list(suspects)
    held = read(pair.replica, ends.replica, open_keys)
    before = read(pair.source, ends.source, open_keys)
    for round_ in range(_ROUNDS):
        fence()
        replica = read(pair.replica, ends.replica, open_keys)
        after = read(pair.source, ends.source, open_keys)
        open_keys = _decide(pair, Look(held, before, replica, after), open_keys, settled)
        if not open_keys:
            return settled
        held, before = replica, after
        time.sleep(min(0.002 * 2**round_, _LONGEST_PAUSE))
    settled.changing = _settle_locked(pair, ends, open_keys, fence, settled) if lock else open_keys
    return settled


def _decide(pair: TablePair, look: Look, keys: Iterable[str], settled: Settled) -> list[str]:
    """Put what is proven into `settled`; return the keys of which nothing is."""
    undecided = []
    for key in keys:
        if look.same(key):
            continue
        if look.stays_different(key):
            settled.findings.append(_finding(pair, key, look.after.get(key), look.replica.get(key)))
        else:
            undecided.append(key)
    return undecided


def _settle_locked(pair: TablePair, ends: Ends, keys: list[str], fence: Fence, settled: Settled) -> list[str]:
    try:
        with _locked(pair.source, keys):
            held = read(pair.replica, ends.replica, keys)
            before = read(pair.source, ends.source, keys)
            fence()
            replica = read(pair.replica, ends.replica, keys)
            after = read(pair.source, ends.source, keys)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
        return keys
    return _decide(pair, Look(held, before, replica, after), keys, settled)


@contextmanager
def _locked(side: Side, keys: list[str]) -> Iterator[None]:
    """Keep these rows of the source from being changed during the block."""
    with open_end(USER_SYNC.publisher, writable=True) as connection, connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
        query = _LOCK.format(table=side.table, where=side.where, keys=side.keys(keys), key=side.key.raw())
        connection.execute(query)
        yield


def read(side: Side, connection: psycopg.Connection, keys: Sequence[str]) -> dict[str, Version]:
    """Return the rows with these keys as they are now."""
    query = _READ.format(
        key=side.key.raw(), digests=side.digests(), table=side.table, where=side.where, keys=side.keys(keys)
    )
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query).fetchall()
    return {key: Version(xmin, tuple(digests)) for key, xmin, digests in rows}


def _content(versions: Versions, key: str) -> tuple[bytes | None, ...] | None:
    version = versions.get(key)
    return version.digests if version else None


def _finding(pair: TablePair, key: str, source: Version | None, replica: Version | None) -> Finding:
    if replica is None:
        return Finding(Difference(pair.name, key, "missing"), None)
    if source is None:
        return Finding(Difference(pair.name, key, "extra"), replica)
    digests = zip(pair.names, source.digests, replica.digests, strict=True)
    columns = tuple(name for name, one, other in digests if one != other)
    return Finding(Difference(pair.name, key, "different", columns), replica)
