"""The marketplace: listings, what people think of them, and what they did with them."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from nullstore.sampledata.copying import Row, Table, Target
from nullstore.sampledata.people import Person
from nullstore.sampledata.values import (
    DAY,
    generator,
    json_text,
    moment,
    solana_signature,
    text_array,
    uuid_text,
    weighted,
)
from nullstore.sampledata.words import PROTOCOLS, TOKENS, VENUES, Words

LISTINGS: Final = Table.of(
    "crossroads_listings",
    "id listing_type title description author author_wallet version tags status price_lamports download_count "
    "view_count metadata review_note created_at updated_at",
)
VERSIONS: Final = Table.of("crossroads_listing_versions", "id listing_id version changelog metadata created_at")
REVIEWS: Final = Table.of(
    "crossroads_reviews",
    "id listing_id reviewer_wallet rating review_text is_verified_purchase created_at updated_at",
)
FAVORITES: Final = Table.of("crossroads_favorites", "id listing_id wallet_address created_at")
PURCHASES: Final = Table.of(
    "crossroads_purchases", "id listing_id buyer_wallet price_paid_lamports tx_signature created_at"
)
DEPLOYMENTS: Final = Table.of(
    "crossroads_deployments",
    "id listing_id deployer_wallet status endpoint_url config created_at updated_at",
)

BATCH: Final = 100
MOST_LISTINGS: Final = 3_000
#: At most so many people per listing: each review makes the database count its listing's reviews again.
_MOST_PEOPLE: Final = 60

_STATUSES: Final = weighted({"approved": 60, "pending": 16, "featured": 8, "rejected": 8, "inactive": 8})
_SEEN_BY_PEOPLE: Final = ("approved", "featured", "inactive")
_TITLES: Final = {
    "agent": "{token} {venue} agent",
    "workflow": "{protocol} to {venue} workflow",
    "tool": "{venue} quote tool",
    "mcp_server": "{protocol} MCP server",
    "dataset": "{token} trades on {venue}",
    "model": "{token} volatility model",
    "cow": "{token} cow",
    "arbfarm": "{venue} arbitrage farm",
}
_TYPES: Final = weighted(
    {"agent": 30, "workflow": 15, "tool": 15, "mcp_server": 12, "dataset": 10, "model": 8, "cow": 5, "arbfarm": 5}
)
#: In lamports; 1 SOL is 10**9.
_PRICES: Final = (0, 0, 0, 50_000_000, 200_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 20_000_000_000)
_NOTES: Final = (
    "The description does not say what the tool does with keys.",
    "The endpoint did not answer during review.",
    "Looks like a copy of another listing.",
)
_CHANGES: Final = ("Fixes for rare failures.", "Faster quotes.", "New chains.", "Clearer errors.", None)
_RATINGS: Final = weighted({5: 45, 4: 30, 3: 13, 2: 7, 1: 5})
_REVIEW_TEXTS: Final = {
    5: ("Does exactly what it says.", "Set up in five minutes.", "Paid for itself within a week.", None),
    4: ("Good, but the docs could be better.", "Solid. Would like more chains.", None),
    3: ("Works most of the time.", "Fine for small amounts.", None),
    2: ("Too slow when it matters.", "Stopped working after an update."),
    1: ("Never got it to run.", "Quotes were off by several percent."),
}
_DEPLOYMENTS: Final = weighted({"running": 55, "stopped": 25, "failed": 12, "pending": 8})


def listing_count(users: int) -> int:
    """Return how many listings go with so many users: 60 with 200, and with the square root, MOST_LISTINGS at most."""
    return min(MOST_LISTINGS, round(60 * math.sqrt(users / 200)))


class Listing(NamedTuple):
    """What the rows around a listing need to know of it. `born` is in seconds since the epoch."""

    id: str
    price: int
    born: float


class Marketplace:
    """Makes `total` listings and all that hangs on them, with the wallets of `people`, up to `now` (seconds)."""

    def __init__(self, total: int, *, seed: int, now: float, people: Sequence[Person], words: Words) -> None:
        self._rng = generator(seed, "marketplace")
        self._total = total
        self._now = now
        self._words = words
        self._wallets = [person.wallet for person in people if person.wallet]
        self._start_batch()

    def _start_batch(self) -> None:
        self._rows: dict[Table, list[Row]] = {
            table: [] for table in (LISTINGS, VERSIONS, PURCHASES, REVIEWS, FAVORITES, DEPLOYMENTS)
        }

    def batches(self) -> Iterator[dict[Table, list[Row]]]:
        """Yield the rows of up to BATCH listings at a time, in the order in which they can be written."""
        for first in range(0, self._total, BATCH):
            self._start_batch()
            for _ in range(first, min(first + BATCH, self._total)):
                self._add_listing()
            yield self._rows

    def _add_listing(self) -> None:
        rng = self._rng
        listing = Listing(uuid_text(rng), rng.choice(_PRICES), self._now - 150 * DAY * rng.random())
        status = rng.choice(_STATUSES)
        people = self._audience() if status in _SEEN_BY_PEOPLE else []
        minor = rng.randrange(4)
        listing_type = rng.choice(_TYPES)
        words = {"token": rng.choice(TOKENS), "venue": rng.choice(VENUES), "protocol": rng.choice(PROTOCOLS)}
        created = moment(listing.born)
        self._rows[LISTINGS].append(
            (
                listing.id,
                listing_type,
                _TITLES[listing_type].format_map(words),
                " ".join(rng.sample(self._words.phrases, 2)),
                rng.choice(self._words.companies),
                rng.choice(self._wallets) if self._wallets else None,
                f"1.{minor}.0",
                text_array((listing_type, words["token"].lower(), words["venue"].lower())),
                status,
                listing.price,
                len(people) * rng.randint(1, 20),
                len(people) * rng.randint(20, 200) + rng.randrange(50),
                json_text({"license": rng.choice(("MIT", "Apache-2.0", "proprietary"))}),
                rng.choice(_NOTES) if status == "rejected" else None,
                created,
                created,
            )
        )
        self._add_versions(listing, minor)
        for wallet in people:
            self._add_person(listing, wallet)

    def _audience(self) -> list[str]:
        """Return the wallets of those who used a listing: few for most, many for some."""
        wanted = min(int(4 * self._rng.paretovariate(1.2)), _MOST_PEOPLE)
        return self._rng.sample(self._wallets, min(wanted, len(self._wallets)))

    def _add_versions(self, listing: Listing, minor: int) -> None:
        rng = self._rng
        step = (self._now - listing.born) / (minor + 1)
        for number in range(minor + 1):
            changes = rng.choice(_CHANGES) if number else "First version."
            released = moment(listing.born + number * step)
            self._rows[VERSIONS].append((uuid_text(rng), listing.id, f"1.{number}.0", changes, "{}", released))

    def _add_person(self, listing: Listing, wallet: str) -> None:
        """Add what one person did with a listing."""
        rng = self._rng
        at = moment(listing.born + (self._now - listing.born) * rng.random())
        bought = listing.price > 0 and rng.random() < 0.5
        if bought:
            signature = solana_signature(rng)
            self._rows[PURCHASES].append((uuid_text(rng), listing.id, wallet, listing.price, signature, at))
        if rng.random() < 0.5:
            self._rows[FAVORITES].append((uuid_text(rng), listing.id, wallet, at))
        if rng.random() < 0.4:
            rating = rng.choice(_RATINGS)
            text = rng.choice(_REVIEW_TEXTS[rating])
            self._rows[REVIEWS].append((uuid_text(rng), listing.id, wallet, rating, text, bought, at, at))
        if (bought or not listing.price) and rng.random() < 0.4:
            status = rng.choice(_DEPLOYMENTS)
            url = f"https://{rng.getrandbits(40):010x}.run.example" if status == "running" else None
            self._rows[DEPLOYMENTS].append((uuid_text(rng), listing.id, wallet, status, url, "{}", at, at))


def write_marketplace(target: Target, marketplace: Marketplace, step: Callable[[int], None]) -> None:
    """Write everything that `marketplace` makes; `step` is told of how many listings came with each batch."""
    for batch in marketplace.batches():
        for table, rows in batch.items():
            target.copy(table, rows)
        step(len(batch[LISTINGS]))
