"""Looks for an order of two databases' migrations in which replication never stops.

Each database's own order is fixed, so a state of both is a pair of numbers: how many steps of the publisher, how many
of the subscriber are done. A plan is a way over this board from none to all that enters no bad square.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nullstore.databases import USER_SYNC
from nullstore.migrating.rules import Problem, hazards, problems, refusing
from nullstore.migrating.steps import Step
from nullstore.migrating.tables import Table
from nullstore.replication.specs import PublicationSpec

Square = tuple[int, int]
Tables = Mapping[str, Table | None]


@dataclass(frozen=True, slots=True)
class Start:
    """What the databases have before the first step.

    `linked`: the subscription is there and follows this source; `binary` is its option. `filled`: the replica has rows.
    """

    linked: bool
    source: Tables
    replica: Tables
    filled: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A step in its place. `why` names what would go wrong in another order, "" if nothing would.

    `after_fence`: the replica has to have everything first, because changes on their way may not fit afterwards.
    """

    step: Step
    why: str = ""
    after_fence: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Moves one after the other. `loose`: replication does not have to run before the last one is made."""

    moves: tuple[Move, ...]
    loose: bool = False


@dataclass(frozen=True)
class Board:
    """The steps of the publisher and of the subscriber, and where they start."""

    start: Start
    source_steps: Sequence[Step]
    replica_steps: Sequence[Step]
    _looked_up: dict[Square, list[Problem]] = field(default_factory=dict)

    @property
    def end(self) -> Square:
        return len(self.source_steps), len(self.replica_steps)

    def problems(self, square: Square) -> list[Problem]:
        """Return what stops apply on `square`, beside what does so already: a migration may be the cure of that."""
        if square not in self._looked_up:
            self._looked_up[square] = [] if not self.linked(square[1]) else self._new_problems(square)
        return self._looked_up[square]

    def _new_problems(self, square: Square) -> list[Problem]:
        return [problem for problem in self._all_problems(square) if problem not in self._known_problems]

    @cached_property
    def _known_problems(self) -> set[Problem]:
        if self.start.linked:
            return set(self._all_problems((0, 0)))
        return {problem for table in self.start.replica.values() if table for problem in refusing(table)}

    def _all_problems(self, square: Square) -> list[Problem]:
        source, replica = self._sources[square[0]], self._replicas[square[1]]
        binary = self._links[square[1]][1]
        return [each for name in source for each in problems(source[name], replica.get(name), binary=binary)]

    def linked(self, replica_steps: int) -> bool:
        """Tell whether rows replicate after that many steps of the subscriber."""
        return self._links[replica_steps][0]

    @cached_property
    def _links(self) -> list[tuple[bool, bool]]:
        """Whether rows replicate, and whether in binary form, after each step of the subscriber."""
        links = [(self.start.linked, self.start.binary)]
        for step in self.replica_steps:
            spec = step.subscriptions.get(USER_SYNC.subscription)
            if USER_SYNC.subscription not in step.subscriptions:
                links.append(links[-1])
            else:
                links.append((spec is not None, bool(spec and spec.options.get("binary"))))
        return links

    @cached_property
    def _sources(self) -> list[Tables]:
        return _states(self.start.source, self.source_steps)

    @cached_property
    def _replicas(self) -> list[Tables]:
        return _states(self.start.replica, self.replica_steps)

    def moves(self, square: Square) -> Iterator[tuple[Step, Square]]:
        """Yield the steps that can be next, the publisher's first, and where they lead."""
        done_source, done_replica = square
        if done_source < len(self.source_steps):
            yield self.source_steps[done_source], (done_source + 1, done_replica)
        if done_replica < len(self.replica_steps):
            yield self.replica_steps[done_replica], (done_source, done_replica + 1)

    def hazards(self, step: Step, square: Square) -> list[Problem]:
        """Return why `step` must not be done on `square`, in whatever order."""
        source = self._sources[square[0]]
        published = {name for name, table in source.items() if table and table.sent}
        concerned = [change for change in step.changes if change.name in published and self.linked(square[1])]
        return [problem for change in concerned for problem in hazards(change)]


def _states(start: Tables, steps: Sequence[Step]) -> list[Tables]:
    states = [start]
    for step in steps:
        tables = dict(states[-1])
        for change in step.changes:
            tables[change.name] = change.applied_to(tables.get(change.name))
        spec = step.publications.get(USER_SYNC.publication)
        states.append(_published(tables, spec) if spec else tables)
    return states


def _published(tables: Tables, spec: PublicationSpec) -> Tables:
    listed = {published.name: published.columns for published in spec.tables}
    return {name: table and table.sending(listed.get(name, ())) for name, table in tables.items()}
