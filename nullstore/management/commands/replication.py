"""manage.py replication: ask about and work with the replica of user_references."""

import json
from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.base import CleanErrors
from nullstore.replication.fence import wait_until_replicated
from nullstore.replication.ping import ping


class Command(CleanErrors):
    help = "Works with the logical replication from erebus to agents."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, help_text in (
            ("wait", "Wait until the replica has what is committed in erebus now, the initial copy included."),
            ("ping", "Write a user to erebus, wait until agents has it, remove it, and print the time it took."),
        ):
            action = actions.add_parser(name, help=help_text, description=help_text)
            action.add_argument("--timeout", type=float, default=10.0, help="Seconds to wait (default: 10).")
            action.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        act, sentence = {
            "wait": (wait_until_replicated, "The replica has what erebus has, after {:.1f} ms."),
            "ping": (ping, "A user written to erebus was visible in agents after {:.1f} ms."),
        }[options["action"]]
        seconds = act(options["timeout"])
        self.stdout.write(json.dumps({"seconds": seconds}) if options["json"] else sentence.format(seconds * 1000))
