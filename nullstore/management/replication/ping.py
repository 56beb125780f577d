"""manage.py replication ping."""

from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.management.replication.wait import add_timeout
from nullstore.replication.ping import ping


class Ping(Action):
    name = "ping"
    help = "Write a user to erebus, wait until agents has it, remove it, and print the time it took."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_timeout(parser)

    def run(self, options: dict[str, Any]) -> int:
        seconds = ping(options["timeout"])
        if options["json"]:
            self.print_json({"seconds": seconds})
        else:
            self.print(f"A user written to erebus was visible in agents after {seconds * 1000:.1f} ms.")
        return 0
