"""Tasks in every status, and how they came to it."""

import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from nullstore.sampledata.conversations import OPEN_FOR, TERMINAL, Dates, dates, statuses, times
from nullstore.sampledata.copying import Row, Table, Target, one_ahead
from nullstore.sampledata.messages import STATUS_MESSAGES, artifacts, history
from nullstore.sampledata.people import HISTORY, Person
from nullstore.sampledata.scenarios import Scenario, make_scenarios
from nullstore.sampledata.values import generator, json_text, uuid_text, weighted

TASKS: Final = Table.of(
    "tasks",
    "id context_id name description task_type category priority status status_message status_timestamp history "
    "artifacts metadata context parameters outcome logs sub_tasks dependencies required_capabilities user_id "
    "assigned_agent_id progress estimated_duration actual_duration current_retries user_approval_required "
    "source_identifier created_at updated_at started_at completed_at",
)
TRANSITIONS: Final = Table.of("task_transitions", "id task_id from_status to_status message changed_by changed_at")
#: Who changed the tasks, as task_transitions has it.
ACTOR: Final = "sample_data"
BATCH: Final = 5_000

_CATEGORIES: Final = weighted({"user_assigned": 80, "scheduled": 12, "system_generated": 8})
_PRIORITIES: Final = weighted({"low": 20, "medium": 55, "high": 20, "urgent": 5})
_METADATA: Final = ("{}", "{}", '{"channel": "web"}', '{"channel": "telegram"}', '{"channel": "api", "trace": true}')


@dataclass
class Tally:
    """What one agent did: finished tasks, milliseconds spent on them, and the last time."""

    tasks: int = 0
    milliseconds: int = 0
    last: datetime | None = None

    def add(self, milliseconds: int, at: datetime) -> None:
        """Count one task."""
        self.tasks += 1
        self.milliseconds += milliseconds
        self.last = max(self.last, at) if self.last else at


@dataclass
class TaskBatch:
    """Rows of tasks, and rows of task_transitions (without id) that lie before those that the trigger writes."""

    tasks: list[Row] = field(default_factory=list)
    transitions: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Talk:
    """What the tasks of one conversation share. The first is the parent of the others if `split`."""

    context_id: str
    person: Person
    ids: list[str]
    split: bool

    def sub_tasks(self, place: int) -> str:
        """Return, as JSON, the ids of the tasks that the task at `place` was split into."""
        return json_text(self.ids[1:]) if self.split and place == 0 else "[]"

    def dependencies(self, place: int) -> str:
        """Return, as JSON, the id of the task that the task at `place` had to wait for."""
        return json_text([self.ids[place - 1]]) if place and not self.split else "[]"


class Tasks:
    """Makes `total` tasks of `people` up to `now` (seconds since the epoch). `tallies` counts per type of agent."""

    def __init__(
        self, total: int, *, seed: int, now: float, people: Sequence[Person], agents: Mapping[str, str]
    ) -> None:
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._rng = generator(seed, "tasks")
        self._scenarios = make_scenarios(self._rng)
        self._total = total
        self._now = now
        self._people = sorted(people, key=_born)
        self._agents = agents

    def batches(self) -> Iterator[TaskBatch]:
        """Yield batches of about BATCH tasks: a conversation is not divided."""
        left = self._total
        while left:
            batch = TaskBatch()
            while left and len(batch.tasks) < BATCH:
                left -= self._add_conversation(batch, left)
            yield batch

    def _add_conversation(self, batch: TaskBatch, left: int) -> int:
        """Add one of the conversations of the `left` tasks that are still to be made; return its number of tasks."""
        rng = self._rng
        ends = statuses(rng, left)
        about = [rng.choice(self._scenarios) for _ in ends]
        if ends[-1] in TERMINAL:
            end = self._now - HISTORY * (1 - math.sqrt(1 - left / self._total))
        else:
            end = self._now - OPEN_FOR * rng.random()
        person = self._people[int(rng.random() * bisect(self._people, end, key=_born))]
        when = times(rng, [scenario.seconds for scenario in about], born=person.born, end=end, now=self._now)
        split = len(ends) > 2 and ends[0] == "completed" and ends[-1] in TERMINAL and rng.random() < 0.5
        if split:
            # The parent is done when its last part is.
            when[0] = when[0]._replace(finished=when[-1].finished)
        talk = Talk(uuid_text(rng), person, [uuid_text(rng) for _ in ends], split)
        for place, status in enumerate(ends):
            self._add_task(batch, talk, place, status=status, scenario=about[place], when=dates(status, when[place]))
        return len(ends)

    def _add_task(
        self, batch: TaskBatch, talk: Talk, place: int, *, status: str, scenario: Scenario, when: Dates
    ) -> None:
        rng, task_id, wallet = self._rng, talk.ids[place], talk.person.wallet
        said = STATUS_MESSAGES.get(status)
        message = rng.choice(said) if said else None
        if when.spent is not None:
            self.tallies[scenario.agent_type].add(when.spent, when.reached)
        batch.transitions.extend(_earlier(task_id, status, when))
        batch.tasks.append(
            (
                task_id,
                talk.context_id,
                scenario.name,
                scenario.description,
                scenario.task_type,
                rng.choice(_CATEGORIES),
                rng.choice(_PRIORITIES),
                status,
                message,
                when.reached,
                history(rng, scenario, status=status, message=message, task_id=task_id, context_id=talk.context_id),
                artifacts(rng, scenario) if status == "completed" else "[]",
                f'{{"parent_task_id": "{talk.ids[0]}"}}' if talk.split and place else rng.choice(_METADATA),
                f'{{"wallet": "{wallet}"}}' if wallet else "{}",
                scenario.parameters,
                _outcome(status, scenario, message),
                _logs(status, when),
                talk.sub_tasks(place),
                talk.dependencies(place),
                scenario.capabilities,
                talk.person.id,
                None if status == "submitted" and rng.random() < 0.5 else self._agents[scenario.agent_type],
                100 if status == "completed" else rng.randint(5, 95) if when.started else 0,
                round(scenario.seconds * 1000),
                when.spent,
                rng.randint(1, 3) if status == "failed" else 0,
                status == "auth-required",
                wallet,
                when.created,
                when.reached,
                when.started,
                when.completed,
            )
        )


def _born(person: Person) -> float:
    return person.born


def _outcome(status: str, scenario: Scenario, message: str | None) -> str | None:
    if status == "completed":
        return f'{{"success": true, "summary": {scenario.summary}}}'
    return json_text({"success": False, "error": message}) if status == "failed" else None


def _logs(status: str, when: Dates) -> str:
    if when.started is None:
        return "[]"
    return (
        f'[{{"at": "{when.started.isoformat()}", "level": "info", "message": "started"}}, '
        f'{{"at": "{when.reached.isoformat()}", "level": "{"error" if status == "failed" else "info"}", '
        f'"message": "{status}"}}]'
    )


def _earlier(task_id: str, status: str, when: Dates) -> Iterator[Row]:
    """Yield the transitions of a task before the one to its present status."""
    if status != "submitted":
        yield task_id, None, "submitted", None, ACTOR, when.created
    if status not in ("submitted", "rejected", "working"):
        yield task_id, "submitted", "working", None, ACTOR, when.started


# Written by the trigger as if a task had begun in its present status: before that came one of those of _earlier().
_LINK = """
    UPDATE task_transitions
    SET from_status = CASE WHEN to_status IN ('working', 'rejected') THEN 'submitted' ELSE 'working' END
    WHERE id > %s AND changed_by = %s AND from_status IS NULL AND to_status <> 'submitted'
"""
_RESERVE = """
    WITH sequence AS MATERIALIZED (SELECT pg_get_serial_sequence('task_transitions', 'id')::regclass AS name)
    SELECT nextval(name) FROM sequence, generate_series(1, %s)
"""
_COUNT_WORK = """
    UPDATE agents SET
        tasks_processed_count = tasks_processed_count + %(tasks)s,
        total_processing_time = total_processing_time + %(milliseconds)s,
        average_processing_time = (total_processing_time + %(milliseconds)s) / (tasks_processed_count + %(tasks)s),
        last_action_at = greatest(last_action_at, %(last)s)
    WHERE id = %(id)s
"""


def write_tasks(target: Target, tasks: Tasks, agents: Mapping[str, str], step: Callable[[int], None]) -> None:
    """Write everything that `tasks` makes, and what the agents have done then; `step` is told of each batch's size."""
    target.execute("SELECT set_config('nullstore.actor', %s, true)", [ACTOR])
    for batch in one_ahead(tasks.batches()):
        _write_batch(target, batch)
        step(len(batch.tasks))
    for agent_type, tally in tasks.tallies.items():
        target.execute(_COUNT_WORK, {**asdict(tally), "id": agents[agent_type]})


def _write_batch(target: Target, batch: TaskBatch) -> None:
    """Write tasks with their transitions. The earlier ones get their ids first: people read them in that order."""
    if target.dry_run:
        ids = list(range(len(batch.transitions) + 1))
    else:
        ids = [number for (number,) in target.query(_RESERVE, [len(batch.transitions) + 1])]
    target.copy(TASKS, batch.tasks)
    target.rows[TRANSITIONS.name] += len(batch.tasks)
    target.copy(TRANSITIONS, [(number, *row) for number, row in zip(ids, batch.transitions, strict=False)])
    target.execute(_LINK, [ids[-1], ACTOR])
