"""The pair that is soaked: migrated, replicating through a network that can be cut, and written to all the time."""

import itertools
import logging
import random
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.conf import settings

from tests.faults.clusters import FaultPair, fault_pair, in_django
from tests.faults.faults import SQL
from tests.faults.prepared import prepare
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.writers import Connect, Journal, State, TaskWriter, Writer, writing

#: Writers of users and of tasks, each with a row committed every few milliseconds.
USER_WRITERS = 3
TASK_WRITERS = 2
#: Rows that each writer keeps alive: a soak of hours does not grow.
ALIVE = 200


class SteadyWriter(Writer):
    """Inserts, updates and deletes in turn, always the row that was left alone for longest."""

    def __init__(self, connect: Connect, name: str, *others: Any) -> None:
        super().__init__(connect, name, *others)
        self.alive: deque[uuid.UUID] = deque()

    def next(self, number: int) -> tuple[uuid.UUID, State, State]:
        turn = number % 4
        while turn and len(self.alive) >= ALIVE:
            key = self.alive.popleft()
            if (state := self.rows.get(key)) is None:
                continue  # its commit was never answered: nobody knows what it holds
            if turn == 2:
                return key, state, None
            self.alive.append(key)
            return key, state, number
        key = uuid.uuid4()
        self.alive.append(key)
        return key, None, number


class SteadyTaskWriter(SteadyWriter, TaskWriter):
    """The same with tasks, which name the users of a pool that may change."""

    def __init__(self, connect: Connect, name: str, pool: "Pool") -> None:
        super().__init__(connect, name, ())
        self.users = iter(pool)


class Pool:
    """The users whom new tasks name."""

    def __init__(self, users: Sequence[uuid.UUID]) -> None:
        self.users = list(users)

    def __iter__(self) -> Iterator[uuid.UUID]:
        for number in itertools.count():
            users = self.users
            yield users[number % len(users)]


@dataclass
class Scene:
    """What a fault can get hold of. `users` and `tasks` are the journals of the writers."""

    pair: FaultPair
    wire: Proxy
    patch: pytest.MonkeyPatch
    rng: random.Random
    pool: Pool
    users: Journal
    tasks: Journal

    def pause(self) -> None:
        """Let the fault last for a moment, at most a second."""
        time.sleep(self.rng.random())

    def goes_on(self) -> None:
        """Wait until every writer has got through. Raises what ended one."""
        for journal in (self.users, self.tasks):
            journal.wait_for_commits(5)

    @property
    def commits(self) -> Counter[str]:
        return Counter(
            {
                f"{what} {kind}": sum(writer.kinds[kind] for writer in journal.writers)
                for what, journal in (("users", self.users), ("tasks", self.tasks))
                for kind in ("inserted", "updated", "deleted")
            }
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """What the product warns of is what the soak does to it."""
    logger = logging.getLogger("nullstore")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def scene(rng: random.Random) -> Iterator[Scene]:
    """A pair with writers in full swing, whose servers stop and whose data goes at the end."""
    with _quiet(), fault_pair() as pair, pytest.MonkeyPatch.context() as patch, in_django(pair, patch):
        source = pair.server("erebus")
        with proxy_to(source.host, source.port) as wire:
            patch.setattr(settings, "REPLICATION_SOURCE", {"HOST": "127.0.0.1", "PORT": wire.port})
            prepare()
            pool = Pool([key for (key,) in SQL["erebus"].rows("SELECT id FROM user_references ORDER BY id")])
            erebus, agents = (partial(pair.server(alias).connect, alias) for alias in ("erebus", "agents"))
            with (
                writing(*(SteadyWriter(erebus, f"writer-{n}") for n in range(USER_WRITERS))) as users,
                writing(*(SteadyTaskWriter(agents, f"writer-{n}", pool) for n in range(TASK_WRITERS))) as tasks,
            ):
                yield Scene(pair, wire, patch, rng, pool, users, tasks)
