"""manage.py replication: ask about and work with the replica of user_references."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.owner import OwnerCommand
from nullstore.management.replication import ACTIONS


class Command(OwnerCommand):
    help = "Works with the logical replication from erebus to agents."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for action in ACTIONS:
            action.add_arguments(actions.add_parser(action.name, help=action.help, description=action.help))

    def handle(self, *args: Any, **options: Any) -> None:
        (action,) = (action for action in ACTIONS if action.name == options["action"])
        if code := action(self).run(options):
            sys.exit(code)
