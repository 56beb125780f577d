"""Django's showmigrations; without --database it shows both databases."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import showmigrations

from nullstore.databases import ALIASES
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, showmigrations.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def handle(self, *args: Any, **options: Any) -> None:
        for alias in [options["database"]] if options["database"] else ALIASES:
            if not options["database"]:
                self.stdout.write(self.style.MIGRATE_HEADING(f"Database {alias}:"))
            super().handle(*args, **{**options, "database": alias})
