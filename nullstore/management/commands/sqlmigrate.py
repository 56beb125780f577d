"""Django's sqlmigrate; without --database it shows the SQL for the app's home."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import sqlmigrate

from nullstore.databases import EREBUS, HOMES
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, sqlmigrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def execute(self, *args: Any, **options: Any) -> str | None:
        database = options.get("database") or HOMES.get(options["app_label"], EREBUS)
        return super().execute(*args, **{**options, "database": database})
