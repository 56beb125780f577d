"""Django's migrate; without --database it migrates both databases, in the order that is safe."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate

from nullstore.databases import ALIASES, HOMES
from nullstore.management.base import CleanErrors


class Command(CleanErrors, migrate.Command):
    help = "Updates database schemas: of one database with --database, else of both, publisher before subscriber."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[Any, Any]:
        return {**super().get_check_kwargs(options), "databases": _targets(options)}

    def handle(self, *args: Any, **options: Any) -> None:
        targets = _targets(options)
        unapplied = []
        for alias in targets:
            if len(targets) > 1 and options["verbosity"] > 0:
                self.stdout.write(self.style.MIGRATE_HEADING(f"Database {alias}:"))
            self.alias = alias
            try:
                super().handle(*args, **{**options, "database": alias})
            except SystemExit as end:  # --check ends so where migrations are unapplied: look at the other one, too
                unapplied.append(end)
        if unapplied:
            raise unapplied[0]

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Show the migrations that do something here. Those of apps at home elsewhere are recorded, and do nothing."""
        if migration is None or HOMES.get(migration.app_label) == self.alias:
            super().migration_progress_callback(action, migration, fake)


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
