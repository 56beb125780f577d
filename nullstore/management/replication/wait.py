"""manage.py replication wait."""

from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.fence import wait_until_replicated


def add_timeout(parser: CommandParser) -> None:
    parser.add_argument("--timeout", type=float, default=10.0, help="Seconds to wait (default: 10).")
    parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")


class Wait(Action):
    name = "wait"
    help = "Wait until the replica has what is committed in erebus now, the initial copy included."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_timeout(parser)

    def run(self, options: dict[str, Any]) -> int:
        seconds = wait_until_replicated(options["timeout"])
        if options["json"]:
            self.print_json({"seconds": seconds})
        else:
            self.print(f"The replica has what erebus has, after {seconds * 1000:.1f} ms.")
        return 0
