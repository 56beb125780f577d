"""Believable tasks and engrams to write, made before anything is timed."""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Final

from psycopg.types.json import Jsonb

SEED: Final = 20_260_101
PEOPLE: Final = 2_000
#: What a task has in common with others that nobody has begun.
_OPEN: Final = {
    "status": "submitted",
    **dict.fromkeys(("status_message", "started_at", "completed_at", "actual_duration", "outcome")),
    "progress": 0,
}


@dataclass(frozen=True)
class Rows:
    """Rows of a model with a value for every column: `named` as the ORM takes them, `plain` as psycopg does."""

    model: Any
    columns: tuple[str, ...]
    named: list[dict[str, Any]]
    plain: list[tuple[Any, ...]]

    @property
    def ids(self) -> list[Any]:
        return [row["id"] for row in self.named]


@dataclass(frozen=True)
class Made:
    """What one table gets: rows as sampledata makes them, to be there, and those that are then written."""

    there: Sequence[tuple[Any, ...]]
    there_columns: tuple[str, ...]
    written: Rows


def make_tasks(there: int, written: int, agents: dict[str, str]) -> Made:
    """Make tasks of users that need not exist, done by `agents`: the id of one for each type.

    The last of those to be there, as many as are written, are open, so that they can begin to be worked on.
    """
    from agents_app.models import Task
    from nullstore.sampledata.tasks import TASKS, Tasks

    tasks = Tasks(there + written, seed=SEED, now=time.time(), people=_people(), agents=agents)
    rows = list(chain.from_iterable(batch.tasks for batch in tasks.batches()))
    begun = there - written
    opened = [tuple({**dict(zip(TASKS.columns, row, strict=True)), **_OPEN}.values()) for row in rows[begun:there]]
    return Made([*rows[:begun], *opened], TASKS.columns, _complete(Task, TASKS.columns, rows[there:]))


def make_engrams(there: int, written: int) -> Made:
    """Make engrams; keys and wallets are none that are in use."""
    from agents_app.models import Engram
    from nullstore.sampledata.engrams import ENGRAMS, Engrams
    from nullstore.sampledata.words import make_words

    engrams = Engrams(there + written, seed=SEED, now=time.time(), people=_people(), words=make_words(SEED))
    rows = list(chain.from_iterable(batch.engrams for batch in engrams.batches()))
    return Made(rows[:there], ENGRAMS.columns, _complete(Engram, ENGRAMS.columns, rows[there:]))


def _people() -> list[Any]:
    from nullstore.sampledata.people import HISTORY, Person
    from nullstore.sampledata.values import evm_address, uuid_text

    # Not the seed of the sample that the databases may hold.
    rng, born = random.Random(SEED), time.time() - HISTORY
    return [Person(uuid_text(rng), born, evm_address(rng)) for _ in range(PEOPLE)]


def _complete(model: Any, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Rows:
    """Give the rows the model's defaults, too, as the ORM sends them."""
    fields = model._meta.concrete_fields
    by_column = {field.column: field for field in fields}
    read = [partial(_read, by_column[column]) for column in columns]
    named = []
    for row in rows:
        values = {column: one(value) for column, one, value in zip(columns, read, row, strict=True)}
        made = model(**values)
        named.append({field.attname: getattr(made, field.attname) for field in fields})
    plain = [tuple(_plain(field, row[field.attname]) for field in fields) for row in named]
    return Rows(model, tuple(field.column for field in fields), named, plain)


def _read(field: Any, value: Any) -> Any:
    """Return what a program has in hand before it writes: sampledata has the text that COPY takes."""
    if not isinstance(value, str):
        return value
    kind = field.get_internal_type()
    if kind == "JSONField":
        return json.loads(value)
    return value.strip("{}").split(",") if kind == "ArrayField" else field.to_python(value)


def _plain(field: Any, value: Any) -> Any:
    return Jsonb(value) if value is not None and field.get_internal_type() == "JSONField" else value
