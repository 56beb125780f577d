"""Carries a plan out: Django's own executor for every step, Django's signals once for each database."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError, ReplicationTimeout
from nullstore.migrating.board import Board, Order
from nullstore.migrating.ordering import order
from nullstore.migrating.start import start
from nullstore.migrating.steps import Step, steps
from nullstore.replication.fence import wait_until_replicated

#: Seconds to wait for what is on its way before a step that it might not survive.
FENCE_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What of migrate's command line concerns the steps and the signals."""

    verbosity: int
    interactive: bool
    fake: bool
    fake_initial: bool
    stdout: Any


class Database:
    """One database's part of the plan, in Django's order, migrations of apps at home elsewhere included.

    Those do nothing here, but Django records them.
    """

    def __init__(self, alias: str, progress: Callable[..., None]) -> None:
        self.alias = alias
        connection = connections[alias]
        connection.prepare_database()
        self.executor = MigrationExecutor(connection, progress)
        self.loader = self.executor.loader
        self.loader.check_consistent_history(connection)
        self.plan = self.executor.migration_plan(self.loader.graph.leaf_nodes())
        self.steps = steps(alias, self.plan, self.loader)
        self._to_do = list(self.plan)
        self._state = ProjectState()

    def begin(self, options: Options) -> None:
        """Send pre_migrate, as Django's migrate does."""
        applied = [key for key in self.loader.applied_migrations if key in self.loader.graph.nodes]
        self._state = self.loader.project_state(applied)
        emit_pre_migrate_signal(
            options.verbosity,
            options.interactive,
            self.alias,
            stdout=options.stdout,
            apps=self._state.apps,
            plan=self.plan,
        )
        self._state = self._state.clone()

    def migrate(self, last: Migration | None, options: Options) -> None:
        """Apply what is to do up to the migration `last`, it included; None means the rest."""
        count = next((n for n, (each, _) in enumerate(self._to_do, 1) if each == last), len(self._to_do))
        part, self._to_do = self._to_do[:count], self._to_do[count:]
        self._state = self.executor.migrate(
            [], plan=part, state=self._state, fake=options.fake, fake_initial=options.fake_initial
        )

    def end(self, options: Options) -> None:
        """Send post_migrate: content types and permissions are made then."""
        emit_post_migrate_signal(
            options.verbosity,
            options.interactive,
            self.alias,
            stdout=options.stdout,
            apps=self._rendered(),
            plan=self.plan,
        )

    def _rendered(self) -> Any:
        """Return the models after the last step, those of apps without migrations with their relations."""
        self._state.clear_delayed_apps_cache()
        rendered = self._state.apps
        with rendered.bulk_update():
            keys = [(model.app_label, model.name_lower) for model in rendered.real_models]
            for key in keys:
                rendered.unregister_model(*key)
        rendered.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
        return rendered


def run(databases: Mapping[str, Database], plan: Order, options: Options, tell: Callable[[str], None]) -> None:
    """Make the moves of `plan`; `tell` gets what else is done. What was made stays made if one of them fails."""
    for database in databases.values():
        database.begin(options)
    for move in plan.moves:
        if not (plan.loose or options.fake):
            recheck(move.step)
        if move.after_fence and not options.fake:
            wait_for_replica(move.step, tell)
        databases[move.step.alias].migrate(move.step.migration, options)
        if move.step is _last(plan, move.step.alias):
            _finish(databases[move.step.alias], options)
    for database in databases.values():
        if not database.steps:
            _finish(database, options)


def _finish(database: Database, options: Options) -> None:
    database.migrate(None, options)
    database.end(options)


def _last(plan: Order, alias: str) -> Step:
    return [move.step for move in plan.moves if move.step.alias == alias][-1]


def recheck(step: Step) -> None:
    """Raise SchemaChangeRefused if `step` would stop replication, by what both databases have at this moment."""
    sides: tuple[list[Step], list[Step]] = ([step], []) if step.alias == USER_SYNC.publisher else ([], [step])
    order(Board(start(*sides), *sides), _AGAIN)


def wait_for_replica(step: Step, tell: Callable[[str], None]) -> None:
    """Wait until nothing that was sent with the source's old table is on its way.

    Raises ReplicationTimeout, or ReplicationError, with what to do then.
    """
    tell(f"Waiting until {USER_SYNC.subscriber} has what {USER_SYNC.publisher} has, before {step}")
    try:
        wait_until_replicated(FENCE_TIMEOUT)
    except ReplicationError as error:
        raise type(error)(f"{step} was not applied: {error} {_AFTERWARDS}") from error
    except ReplicationTimeout as error:
        raise ReplicationTimeout(f"{step} was not applied: {error} {_AFTERWARDS}") from error


_AGAIN = "The databases are not as they were when the plan was made. For a new plan run manage.py migrate again"
_AFTERWARDS = "Then go on with: manage.py replication wait --timeout 600 && manage.py migrate"


def described(plan: Order, describe: Callable[[Any, bool], tuple[str, bool]]) -> Iterable[tuple[str, list[str]]]:
    """Yield a heading for each move of `plan`, and the lines below it. `describe` is Django's, for operations."""
    for number, move in enumerate(plan.moves, 1):
        step = move.step
        lines = [describe(operation, step.backwards)[0] for operation in step.migration.operations]
        lines += [f"-- {move.why}"] if move.why else []
        fence = f"-- after a wait until {USER_SYNC.subscriber} has what {USER_SYNC.publisher} has: "
        lines += [f"{fence}changes sent with the old table may be on their way"] if move.after_fence else []
        yield f"{number}. {step.alias}: {step}", lines
