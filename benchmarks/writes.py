"""What a row of tasks and of engrams costs: through the ORM, by psycopg, without our triggers, without our indexes.

Each run is a transaction that is rolled back: what it takes to commit is the disk's and the same for all.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

import psycopg

from benchmarks.measure import Figure, Outcome, Ratio, interleaved, measure
from benchmarks.pair import session, value
from benchmarks.writes_tables import BARE, OFF, OURS, VARIANTS, Subject, prepared
from benchmarks.writes_ways import WAYS, bulk_create, create

_UPDATE: Final = "UPDATE one by one"
_RAW: Final = (*WAYS, _UPDATE)
_CREATE, _BULK_CREATE = "ORM create()", "ORM bulk_create()"


@dataclass(frozen=True)
class Case:
    act: Callable[[], None]
    variant: str
    is_update: bool = False
    is_orm: bool = False


def run(*, rows: int, rounds: int) -> Outcome:
    """Write `rows` rows per run in each way. Raises RuntimeError if not all is written, or a trigger acted wrongly."""
    outcome = Outcome()
    with prepared(rows) as subjects, _frozen(), closing(session("agents")) as connection:
        for subject in subjects:
            _report(outcome, subject, _measure(subject, connection, rounds))
    _report_router(outcome, outcome.figures[0])
    return outcome


@contextmanager
def _frozen() -> Iterator[None]:
    """Keep the rows that wait to be written from being looked through, time and again, by the garbage collector."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _measure(subject: Subject, connection: psycopg.Connection, rounds: int) -> dict[str, list[float]]:
    """Return the times of each case, in microseconds per row."""
    cases = _cases(subject, connection)
    times = interleaved(
        {name: case.act for name, case in cases.items()},
        rounds,
        around=lambda name: _rolled_back(subject, cases[name], connection),
    )
    return {name: [taken / len(subject.rows.plain) * 1e6 for taken in each] for name, each in times.items()}


def _cases(subject: Subject, connection: psycopg.Connection) -> dict[str, Case]:
    cases = {
        _CREATE: Case(partial(create, subject.rows), OURS, is_orm=True),
        _BULK_CREATE: Case(partial(bulk_create, subject.rows), OURS, is_orm=True),
    }
    for variant in VARIANTS:
        table = subject.target(variant)
        for way, write in WAYS.items():
            cases[f"{way}, {variant}"] = Case(partial(write, connection, table, subject.rows), variant)
        cases[f"{_UPDATE}, {variant}"] = Case(
            partial(subject.update_each, connection, variant), variant, is_update=True
        )
    return cases


@contextmanager
def _rolled_back(subject: Subject, case: Case, connection: psycopg.Connection) -> Iterator[None]:
    """Keep nothing of what the block writes, and see that it wrote it."""
    with _orm_transaction() if case.is_orm else _transaction(connection) as inside:
        if case.variant == OFF:
            inside.execute(f"ALTER TABLE {subject.table} DISABLE TRIGGER USER")
        yield
        (subject.check_update if case.is_update else subject.check_insert)(inside, case.variant)
    connection.execute(f"VACUUM {subject.target(case.variant)}, {subject.trail}")


@contextmanager
def _transaction(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    with connection.transaction(force_rollback=True):
        yield connection


@contextmanager
def _orm_transaction() -> Iterator[psycopg.Connection]:
    from django.db import connections, transaction

    from nullstore.databases import AGENTS

    with transaction.atomic(using=AGENTS):
        yield connections[AGENTS].connection
        transaction.set_rollback(True, using=AGENTS)


def _report(outcome: Outcome, subject: Subject, times: dict[str, list[float]]) -> None:
    table, medians = subject.table, {name: median(taken) for name, taken in times.items()}
    outcome.figures.extend(Figure.of(f"{table}: {name}", "µs per row", taken) for name, taken in times.items())

    def compare(what: str, one: str, other: str) -> None:
        outcome.ratios.append(Ratio(f"{table}: {what}", medians[one] / medians[other]))

    compare(f"{_CREATE} / raw one by one", _CREATE, f"one by one, {OURS}")
    compare(f"{_BULK_CREATE} / raw multi-row", _BULK_CREATE, f"multi-row, {OURS}")
    compare(f"{_BULK_CREATE} / raw executemany", _BULK_CREATE, f"executemany, {OURS}")
    for way in _RAW:
        compare(f"{way}, with triggers / without", f"{way}, {OURS}", f"{way}, {OFF}")
    for way in _RAW:
        compare(f"{way}, with indexes / without", f"{way}, {OFF}", f"{way}, {BARE}")
    outcome.notes.extend(_notes(subject, medians))


def _notes(subject: Subject, medians: dict[str, float]) -> Iterator[str]:
    def costs(more: str, less: str) -> str:
        return ", ".join(f"{medians[f'{way}, {more}'] - medians[f'{way}, {less}']:.0f} ({way})" for way in _RAW)

    table, rows = subject.table, len(subject.rows.plain)
    of_kind = f"SELECT count(*) FROM pg_indexes WHERE tablename = '{table}' AND indexdef LIKE '% USING {{}} %'"
    trees, lists = (value("agents", of_kind.format(kind)) for kind in ("btree", "gin"))
    held = value("agents", f"SELECT count(*) FROM {table}")
    yield f"{table}: our triggers cost, in µs per row, {costs(OURS, OFF)}."
    yield f"{table}: the {trees + lists - 1} indexes beside the key cost, in µs per row, {costs(OFF, BARE)}."
    if lists:
        yield f"{table}: {lists} of these are GIN, which put most of their work off until VACUUM; that is not in it."
    yield f"{table}: {rows:,} rows per run, into a table of {held:,}; nothing is committed."


def _report_router(outcome: Outcome, created: Figure) -> None:
    from django.db import router

    from agents_app.models import Task

    asked = measure("the router, asked once per query", lambda: router.db_for_write(Task))
    outcome.figures.append(asked)
    share = asked.median / 1000 / created.median
    outcome.notes.append(f"The router takes {asked.median:.0f} ns per query: {share:.2%} of a create() of a task.")
