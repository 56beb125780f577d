"""Users, their wallets and their sessions."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from nullstore.sampledata.copying import Row, Table, Target, one_ahead
from nullstore.sampledata.identities import EVM, NETWORKS, SOLANA, Identities
from nullstore.sampledata.values import (
    DAY,
    Reservoir,
    evm_address,
    generator,
    moment,
    solana_address,
    uuid_text,
)
from nullstore.sampledata.words import Words

USERS: Final = Table.of(
    "user_references",
    "id source_identifier network user_type source_type email metadata preferences is_active created_at updated_at",
)
WALLETS: Final = Table.of(
    "wallets",
    "id user_id address chain label is_primary verified_at created_at",
)
SESSIONS: Final = Table.of(
    "sessions",
    "id user_id wallet_id token_hash ip_address user_agent created_at last_seen_at expires_at revoked_at",
)

#: Users came in over this time (seconds), more and more of them.
HISTORY: Final = 180 * DAY
#: How many users are remembered for the rows that refer to them.
REMEMBERED: Final = 100_000
BATCH: Final = 10_000

_LABELS: Final = (None, None, None, "main", "trading", "savings", "hardware wallet", "test")
_METADATA: Final = (
    "{}",
    "{}",
    '{"plan": "free"}',
    '{"plan": "pro", "referrer": "docs"}',
    '{"referrer": "newsletter"}',
    '{"beta": true}',
)
_PREFERENCES: Final = (
    "{}",
    "{}",
    '{"theme": "dark"}',
    '{"theme": "light", "locale": "en-US"}',
    '{"locale": "de-DE", "notifications": {"email": false, "push": true}}',
    '{"default_chain": "solana", "slippage_bps": 50}',
    '{"locale": "ja-JP", "timezone": "Asia/Tokyo"}',
)


class Person(NamedTuple):
    """What later rows need to know of a user; `id` is None for nobody. `born` is in seconds since the epoch."""

    id: str | None
    born: float
    wallet: str | None


class People:
    """Makes `total` users up to `now` (seconds since the epoch); `known` keeps an even sample of the active ones."""

    def __init__(self, total: int, *, seed: int, now: float, words: Words) -> None:
        self.known: Reservoir[Person] = Reservoir(generator(seed, "known people"), REMEMBERED)
        self._rng = generator(seed, "people")
        self._identities = Identities(self._rng, words)
        self._words = words
        self._total = total
        self._now = now
        self._start_batch()

    def _start_batch(self) -> None:
        self._users: list[Row] = []
        self._wallets: list[Row] = []
        self._sessions: list[Row] = []

    def batches(self) -> Iterator[dict[Table, list[Row]]]:
        """Yield the rows of up to BATCH users at a time, in the order in which they can be written."""
        for first in range(0, self._total, BATCH):
            self._start_batch()
            for number in range(first, min(first + BATCH, self._total)):
                self._add_user(number)
            yield {USERS: self._users, WALLETS: self._wallets, SESSIONS: self._sessions}

    def _add_user(self, number: int) -> None:
        rng = self._rng
        user_id = uuid_text(rng)
        network = rng.choice(NETWORKS)
        identity = self._identities.make(network, number)
        active = rng.random() > 0.04
        born = self._now - HISTORY * (1 - ((number + rng.random()) / self._total) ** 0.5)
        created = moment(born)
        updated = self._between(born) if rng.random() < 0.5 else created
        self._users.append(
            (user_id, *identity, rng.choice(_METADATA), rng.choice(_PREFERENCES), active, created, updated)
        )
        has_wallet = network == SOLANA or network in EVM
        wallet_id = self._add_wallets(user_id, identity.source_identifier, network, born) if has_wallet else None
        if rng.random() < 0.3:
            self._add_session(user_id, wallet_id, born)
        if active:
            self.known.add(Person(user_id, born, identity.source_identifier if has_wallet else None))

    def _add_wallets(self, user_id: str, address: str, chain: str, born: float) -> str:
        """Add the wallet that the user came in with, and for some a second one; return the first one's id."""
        rng = self._rng
        wallet_id = uuid_text(rng)
        created = moment(born)
        self._wallets.append((wallet_id, user_id, address, chain, rng.choice(_LABELS), True, created, created))
        if rng.random() < 0.2:
            other = rng.choice(EVM) if chain == SOLANA else SOLANA
            address = solana_address(rng) if other == SOLANA else evm_address(rng)
            added = self._between(born)
            verified = added if rng.random() < 0.7 else None
            self._wallets.append((uuid_text(rng), user_id, address, other, rng.choice(_LABELS), False, verified, added))
        return wallet_id

    def _add_session(self, user_id: str, wallet_id: str | None, born: float) -> None:
        """Add a session that is active, expired or revoked; logins are recent rather than old."""
        rng = self._rng
        begun = self._now - (self._now - born) * rng.random() ** 3
        expires = begun + 14 * DAY
        seen = begun + (min(self._now, expires) - begun) * rng.random()
        revoked = moment(seen) if rng.random() < 0.15 else None
        self._sessions.append(
            (
                uuid_text(rng),
                user_id,
                wallet_id,
                f"{rng.getrandbits(256):064x}",
                # 203.0.113.0/24 and 2001:db8::/32 are set aside for examples.
                f"203.0.113.{rng.getrandbits(8)}" if rng.random() < 0.9 else f"2001:db8::{rng.getrandbits(16):x}",
                rng.choice(self._words.user_agents),
                moment(begun),
                moment(seen),
                moment(expires),
                revoked,
            )
        )

    def _between(self, born: float) -> datetime:
        return moment(born + (self._now - born) * self._rng.random())


def write_people(target: Target, people: People, step: Callable[[int], None]) -> None:
    """Write everything that `people` makes; `step` is told how many users came with each batch."""
    for batch in one_ahead(people.batches()):
        for table, rows in batch.items():
            target.copy(table, rows)
        step(len(batch[USERS]))


# The first wallet of a user is his primary one; ids are random, so the smallest are an even sample.
_EXISTING = """
    SELECT u.id::text, extract(epoch FROM u.created_at)::float8, w.address
    FROM user_references AS u LEFT JOIN wallets AS w ON w.user_id = u.id AND w.is_primary
    WHERE u.is_active ORDER BY u.id LIMIT %s
"""


def existing_people(target: Target) -> list[Person]:
    """Return a sample of the active users that are in the database already."""
    return [Person(*row) for row in target.query(_EXISTING, [REMEMBERED])]
