"""Engrams: what agents remember per wallet, forks among them, and versions made by real updates."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, LiteralString, NamedTuple

from nullstore.sampledata.cast import CAST
from nullstore.sampledata.copying import Row, Table, Target, one_ahead
from nullstore.sampledata.memories import MEMORIES, Memory, content_of
from nullstore.sampledata.people import HISTORY, REMEMBERED, Person
from nullstore.sampledata.values import evm_address, generator, json_text, moment, uuid_text, weighted
from nullstore.sampledata.words import Words

ENGRAMS: Final = Table.of(
    "engrams",
    "id wallet_address engram_type key tags content summary parent_id is_public is_mintable nft_token_id price_mon "
    "royalty_percent priority ttl_seconds created_by created_at updated_at accessed_at",
)
BATCH: Final = 5_000

_ROYALTIES: Final = weighted({5: 80, 0: 5, 10: 10, 15: 5})
_TTLS: Final = weighted({None: 90, 86_400: 4, 604_800: 4, 2_592_000: 2})
_AUTHORS: Final = (None, None, *(member.name for member in CAST[:6]))


class Engram(NamedTuple):
    """What makes an engram, and what a fork takes over from it. `born` is in seconds since the epoch."""

    id: str
    memory: Memory
    key: str
    content: str
    summary: str
    born: float
    #: 0 for an original, else how many forks lie between.
    generation: int


@dataclass
class EngramBatch:
    """Rows of engrams, and the ids of those of which there are further versions."""

    engrams: list[Row] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    tagged: list[str] = field(default_factory=list)


class Engrams:
    """Makes `total` engrams of `people` who have wallets, about three per wallet, up to `now` (seconds).

    `tag` ends the keys where the wallets may have engrams from before.
    """

    def __init__(
        self, total: int, *, seed: int, now: float, people: Sequence[Person], words: Words, tag: str = ""
    ) -> None:
        self._rng = generator(seed, "engrams")
        self._total = total
        self._now = now
        self._words = words
        self._tag = tag
        self._owners = self._choose_owners(people)
        self._starts = [self._rng.randrange(len(MEMORIES)) for _ in self._owners]
        self._memories = self._rng.sample(MEMORIES, len(MEMORIES))
        # The public ones among those just made: others fork these.
        self._originals: deque[Engram] = deque(maxlen=500)

    def _choose_owners(self, people: Sequence[Person]) -> list[tuple[str, float]]:
        """Return wallets, and since when (seconds since the epoch) they are there; made-up ones if nobody has any."""
        wanted = -(-self._total // 3)
        owners = list({person.wallet: person.born for person in people if person.wallet}.items())
        if not owners:
            return [(evm_address(self._rng), self._now - HISTORY) for _ in range(min(wanted, REMEMBERED))]
        return self._rng.sample(owners, min(wanted, len(owners)))

    def batches(self) -> Iterator[EngramBatch]:
        """Yield up to BATCH engrams at a time; a fork comes after what it was forked from."""
        for first in range(0, self._total, BATCH):
            batch = EngramBatch()
            for number in range(first, min(first + BATCH, self._total)):
                self._add(batch, number)
            yield batch

    def _add(self, batch: EngramBatch, number: int) -> None:
        rng = self._rng
        turn, owner = divmod(number, len(self._owners))
        wallet, born = self._owners[owner]
        parent = rng.choice(self._originals) if self._originals and rng.random() < 0.08 else None
        engram = self._fork(parent, turn, born) if parent else self._original(turn, owner, born)
        is_public = rng.random() < 0.25
        is_mintable = is_public and rng.random() < 0.3
        created = moment(engram.born)
        batch.engrams.append(
            (
                engram.id,
                wallet,
                engram.memory.engram_type,
                engram.key,
                engram.memory.tags,
                engram.content,
                engram.summary,
                parent.id if parent else None,
                is_public,
                is_mintable,
                str(rng.randrange(1, 10**6)) if is_mintable and rng.random() < 0.3 else None,
                f"{rng.randrange(1, 5000) / 100:.2f}" if is_mintable else None,
                rng.choice(_ROYALTIES),
                rng.randrange(10),
                rng.choice(_TTLS),
                rng.choice(_AUTHORS),
                created,
                created,
                moment(engram.born + (self._now - engram.born) * rng.random()),
            )
        )
        if is_public and engram.generation < 2:
            self._originals.append(engram)
        if rng.random() < 0.2:
            batch.revised.append(engram.id)
            if rng.random() < 0.5:
                batch.tagged.append(engram.id)

    def _original(self, turn: int, owner: int, born: float) -> Engram:
        """Return an engram with a key that its owner has not had in an earlier turn."""
        again, place = divmod(turn, len(self._memories))
        memory = self._memories[(self._starts[owner] + place) % len(self._memories)]
        key = f"{memory.key}.{again + 1}" if again else memory.key
        content, summary = content_of(memory, self._rng, self._words)
        return Engram(
            uuid_text(self._rng), memory, f"{key}{self._tag}", json_text(content), summary, self._since(born), 0
        )

    def _fork(self, parent: Engram, turn: int, born: float) -> Engram:
        """Return an engram that says what `parent` says."""
        return parent._replace(
            id=uuid_text(self._rng),
            key=f"{parent.memory.key}.fork{turn + 1}{self._tag}",
            born=self._since(max(born, parent.born)),
            generation=parent.generation + 1,
        )

    def _since(self, born: float) -> float:
        return born + (self._now - born) * self._rng.random()


_REVISE: Final = """
    UPDATE engrams SET
        content = content || jsonb_build_object('revision', version + 1, 'note', 'refined after feedback'),
        summary = summary || ' (refined)'
    WHERE id = ANY (%s::uuid[])
"""
_TAG: Final = "UPDATE engrams SET tags = tags || '{reviewed}' WHERE id = ANY (%s::uuid[])"


def write_engrams(target: Target, engrams: Engrams, step: Callable[[int], None]) -> None:
    """Write everything that `engrams` makes; `step` is told of each batch's size."""
    for batch in one_ahead(engrams.batches()):
        target.copy(ENGRAMS, batch.engrams)
        _write_versions(target, _REVISE, batch.revised, "Conductor", "refined after feedback")
        _write_versions(target, _TAG, batch.tagged, "ops@example.com", "reviewed")
        step(len(batch.engrams))


def _write_versions(target: Target, update: LiteralString, ids: list[str], actor: str, reason: str) -> None:
    """Update engrams; the trigger that keeps engram_history does the rest."""
    target.execute(
        "SELECT set_config('nullstore.actor', %s, true), set_config('nullstore.reason', %s, true)", [actor, reason]
    )
    target.execute(update, [ids])
    target.rows["engram_history"] += len(ids)
