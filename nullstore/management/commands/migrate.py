"""Django's migrate; without --database it migrates both databases by one plan, in the order that is safe."""

import sys
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser, no_translations
from django.core.management.commands import migrate
from django.db.models.signals import pre_migrate

from nullstore.databases import ALIASES, EREBUS, HOMES
from nullstore.management.owner import OwnerCommand
from nullstore.migrating.autodetector import SplittingAutodetector
from nullstore.migrating.board import Board, Order, Start
from nullstore.migrating.fills import rows_left_to_replication
from nullstore.migrating.hearing import Hearing
from nullstore.migrating.ordering import order
from nullstore.migrating.review import review
from nullstore.migrating.running import Database, Options, described, run, wait_for_replica
from nullstore.migrating.start import start
from nullstore.replication.lock import alone
from nullstore.runtime.pair import ensure_runtime_roles

#: Seconds that a second run waits for the first.
_LONGEST_RUN = 600.0


class Command(OwnerCommand, migrate.Command):
    autodetector = SplittingAutodetector
    help = "Updates database schemas: of one database with --database, else of both, by one plan."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[Any, Any]:
        return {**super().get_check_kwargs(options), "databases": _targets(options)}

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        self.verbosity, self.interactive = options["verbosity"], options["interactive"]
        self.hearing = Hearing(self._tell)
        targets = _targets(options)
        with ExitStack() as stack:
            stack.enter_context(rows_left_to_replication())
            # At verbosity 0 warnings go where they would go without us.
            stack.enter_context(self.hearing if self.verbosity else nullcontext())
            if not (options["plan"] or options["check_unapplied"]):
                # A second run finds nothing to do once the first has ended; at the same time both would fail.
                for alias in targets:
                    stack.enter_context(alone(alias, "migrate", "migrations", _LONGEST_RUN))
            if len(targets) == 1:
                self._migrate_one(targets[0], args, options)
            elif not self._migrate_both(options):
                self._leave_to_django(targets, args, options)
            if not (options["plan"] or options["check_unapplied"]):
                self._ensure_runtime_roles(targets)

    def _ensure_runtime_roles(self, targets: list[str]) -> None:
        """Tables that came have rights from now on; what was wrong is told, and stops nothing."""
        for change in ensure_runtime_roles(targets):
            if change.made:
                self._tell(f"Made the role {change.role} of {change.alias}")
            if change.granted or change.revoked:
                counts = f"{len(change.granted)} granted, {len(change.revoked)} revoked"
                self._tell(f"Rights of {change.role} in {change.alias}: {counts}")
            for problem in change.problems:
                self.stderr.write(f"{change.alias}: {problem}")

    def _migrate_one(self, alias: str, args: Any, options: dict[str, Any]) -> None:
        """Leave it to Django, but look at its plan, which pre_migrate has, before it does anything."""
        self.alias = alias
        reviewed: list[bool] = []

        def look(plan: Any, **kwargs: Any) -> None:
            if not reviewed and not options["fake"]:
                reviewed.append(True)
                for move in review(alias, plan).moves:
                    if move.after_fence:
                        wait_for_replica(move.step, self._tell)

        pre_migrate.connect(look, weak=False)
        try:
            super().handle(*args, **{**options, "database": alias})
        finally:
            pre_migrate.disconnect(look)

    def _leave_to_django(self, targets: list[str], args: Any, options: dict[str, Any]) -> None:
        """What is not about the order of steps: nothing to do, --prune, migrations that conflict."""
        unapplied = []
        for alias in targets:
            if self.verbosity > 0:
                self.stdout.write(self.style.MIGRATE_HEADING(f"Database {alias}:"))
            self.alias = alias
            try:
                super().handle(*args, **{**options, "database": alias})
            except SystemExit as end:  # --check ends so where migrations are unapplied: look at the other one, too
                unapplied.append(end)
        if unapplied:
            raise unapplied[0]

    def _migrate_both(self, options: dict[str, Any]) -> bool:
        """Migrate both databases by one plan, or print it; return False if there is nothing to plan."""
        databases = {alias: Database(alias, partial(self._progress, alias)) for alias in ALIASES}
        planned = any(database.plan for database in databases.values())
        conflicts = any(database.loader.detect_conflicts() for database in databases.values())
        if not planned or conflicts or options["prune"]:
            return False
        unapplied = any(database.steps for database in databases.values())
        if options["plan"]:
            self._print_plan(_order(databases, fake=options["fake"]))
        elif not options["check_unapplied"]:
            self._carry_out(databases, _order(databases, fake=options["fake"]), options)
        if options["check_unapplied"] and unapplied:
            sys.exit(1)
        return True

    def _print_plan(self, plan: Order) -> None:
        self.stdout.write("Planned operations:", self.style.MIGRATE_LABEL)
        if not plan.moves:
            self.stdout.write("  No planned migration operations.")
        for heading, lines in described(plan, self.describe_operation):
            self.stdout.write(heading, self.style.MIGRATE_HEADING)
            for line in lines:
                self.stdout.write(f"    {line}")

    def _carry_out(self, databases: dict[str, Database], plan: Order, options: dict[str, Any]) -> None:
        if self.verbosity > 0:
            labels = sorted({label for label, _ in databases[EREBUS].loader.graph.leaf_nodes()})
            self.stdout.write(self.style.MIGRATE_HEADING("Operations to perform:"))
            self.stdout.write(self.style.MIGRATE_LABEL("  Apply all migrations: ") + ", ".join(labels))
        if options["run_syncdb"]:
            for database in databases.values():
                self.sync_apps(database.executor.connection, database.loader.unmigrated_apps)
        if self.verbosity > 0:
            self.stdout.write(self.style.MIGRATE_HEADING("Running migrations:"))
            if not plan.moves:
                self.stdout.write("  No migrations to apply.")
        run(
            databases,
            plan,
            Options(self.verbosity, self.interactive, options["fake"], options["fake_initial"], self.stdout),
            self._tell,
        )

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Show the migrations that do something here. Those of apps at home elsewhere are recorded, and do nothing."""
        if migration is None or HOMES.get(migration.app_label) == self.alias:
            super().migration_progress_callback(action, migration, fake)
            if action.endswith("_success"):
                self.hearing.flush()

    def _progress(self, alias: str, action: str, migration: Any = None, fake: bool = False) -> None:
        if migration is not None and HOMES.get(migration.app_label) == alias:
            super().migration_progress_callback(action, f"{migration} ({alias})", fake)
            if action.endswith("_success"):
                self.hearing.flush()

    def _tell(self, line: str) -> None:
        if self.verbosity > 0:
            self.stdout.write(f"    {line}")


def _order(databases: dict[str, Database], *, fake: bool) -> Order:
    source, replica = (databases[alias].steps for alias in ALIASES)
    return order(Board(Start(False, {}, {}) if fake else start(source, replica), source, replica))


def _targets(options: dict[str, Any]) -> list[str]:
    """Return the aliases to migrate: the one that was named, the home of the app that was named, or all."""
    if options["database"]:
        return [options["database"]]
    label = options.get("app_label")
    if label:
        if label not in HOMES:
            raise CommandError(f"No installed app with label '{label}'.")
        return [HOMES[label]]
    return list(ALIASES)
