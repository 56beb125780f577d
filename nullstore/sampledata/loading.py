"""Writes a whole sample, in one transaction per database."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from django.db import DatabaseError, transaction
from psycopg.errors import UndefinedTable, UniqueViolation

from nullstore.databases import AGENTS, EREBUS
from nullstore.exceptions import NullstoreError
from nullstore.sampledata.apikeys import write_api_keys
from nullstore.sampledata.cast import write_cast
from nullstore.sampledata.copying import Target
from nullstore.sampledata.engrams import Engrams, write_engrams
from nullstore.sampledata.marketplace import Marketplace, listing_count, write_marketplace
from nullstore.sampledata.people import HISTORY, People, Person, existing_people, write_people
from nullstore.sampledata.tasks import Tasks, write_tasks
from nullstore.sampledata.values import generator
from nullstore.sampledata.words import make_words


class Progress(Protocol):
    """Is told what is being written, how many rows came with this step, and how many there will be."""

    def __call__(self, name: str, rows: int, *, total: int) -> None: ...


class SampleExists(NullstoreError):
    """Rows of this sample are there already."""


class SampleInterrupted(NullstoreError):
    """Interrupted; nothing was written: the transactions on erebus and agents were rolled back."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Sample:
    """What to make. The same values give the same rows; `now` (seconds since the epoch) is where their dates end."""

    users: int
    tasks: int
    engrams: int
    seed: int
    now: float


@dataclass(frozen=True, slots=True)
class Report:
    """How many rows were written, or would be, by alias and table, those that triggers wrote included."""

    seed: int
    dry_run: bool
    seconds: float
    rows: dict[str, dict[str, int]]


def has_users() -> bool:
    """Return whether erebus has any users."""
    with _explained():
        ((found,),) = Target(EREBUS, dry_run=True).query("SELECT EXISTS (SELECT FROM user_references)")
    return bool(found)


def write_sample(sample: Sample, progress: Progress, *, dry_run: bool = False) -> Report:
    """Write `sample`; with `dry_run` make its rows, and count them.

    Raises SampleExists if one of its rows is there already, NullstoreError if a table is missing, and
    SampleInterrupted; then nothing was written.
    """
    started = time.monotonic()
    erebus, agents = Target(EREBUS, dry_run=dry_run), Target(AGENTS, dry_run=dry_run)
    # The inner transaction is committed first: users without tasks are less odd than tasks without users.
    with _explained(sample.seed), transaction.atomic(using=AGENTS), transaction.atomic(using=EREBUS):
        try:
            people = _write_erebus(erebus, sample, progress)
            _write_agents(agents, sample, people, progress)
        except KeyboardInterrupt:
            raise SampleInterrupted from None
    erebus.analyze()
    agents.analyze()
    rows = {target.alias: dict(+target.rows) for target in (erebus, agents)}
    return Report(sample.seed, dry_run, round(time.monotonic() - started, 3), rows)


def _write_erebus(target: Target, sample: Sample, progress: Progress) -> Sequence[Person]:
    """Write users and what belongs to them; return some of them, or, with no new ones, of those that are there."""
    if not sample.users:
        return existing_people(target)
    words = make_words(sample.seed)
    people = People(sample.users, seed=sample.seed, now=sample.now, words=words)
    write_people(target, people, _begin(progress, "users", sample.users))
    write_api_keys(target, seed=sample.seed, now=sample.now)
    total = listing_count(sample.users)
    marketplace = Marketplace(total, seed=sample.seed, now=sample.now, people=people.known.items, words=words)
    write_marketplace(target, marketplace, _begin(progress, "listings", total))
    return people.known.items


def _write_agents(target: Target, sample: Sample, people: Sequence[Person], progress: Progress) -> None:
    if sample.tasks:
        ids = write_cast(target, seed=sample.seed, now=sample.now)
        nobody = [Person(None, sample.now - HISTORY, None)]
        tasks = Tasks(sample.tasks, seed=sample.seed, now=sample.now, people=people or nobody, agents=ids)
        write_tasks(target, tasks, ids, _begin(progress, "tasks", sample.tasks))
    if sample.engrams:
        engrams = Engrams(
            sample.engrams,
            seed=sample.seed,
            now=sample.now,
            people=people,
            words=make_words(sample.seed),
            # The wallets that were there may have these keys from another run.
            tag="" if sample.users else f".{generator(sample.seed, 'tag').getrandbits(24):06x}",
        )
        write_engrams(target, engrams, _begin(progress, "engrams", sample.engrams))


def _begin(progress: Progress, name: str, total: int) -> Callable[[int], None]:
    """Show that `name` is begun; return what is told of its rows."""
    step = partial(progress, name, total=total)
    step(0)
    return step


@contextmanager
def _explained(seed: int | None = None) -> Iterator[None]:
    """Turn the errors of the database that a person can mend into NullstoreErrors that say how."""
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        if isinstance(cause, UniqueViolation):
            raise SampleExists(
                f"Nothing was written: {cause.diag.table_name} has rows of the sample with seed {seed} already "
                f"({cause.diag.constraint_name}). Give another --seed, or none for a new one."
            ) from error
        if isinstance(cause, UndefinedTable):
            raise NullstoreError(f"{cause.diag.message_primary}. Run: manage.py migrate") from error
        raise
