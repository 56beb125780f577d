"""manage.py replication enable and disable."""

from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.switch import disable, enable, room_while_disabled


class Enable(Action):
    name = "enable"
    help = "Let a disabled subscription go on where it was; refused where changes would be lost."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        changed = enable()
        if options["json"]:
            self.print_json({"changed": changed})
        else:
            self.print("Enabled." if changed else "It was enabled already; nothing was changed.")
        return 0


class Disable(Action):
    name = "disable"
    help = "Stop applying changes for a while. The publisher keeps them meanwhile."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what it would mean.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        meaning = f"While it is disabled {room_while_disabled()}."
        changed = False
        if not options["dry_run"]:
            self.confirm(f"{meaning} Disable the subscription?", options)
            changed = disable()
        if options["json"]:
            self.print_json({"changed": changed, "meaning": meaning})
        elif options["dry_run"] or not changed:
            self.print(f"{meaning} Nothing was changed.")
        else:
            self.print(f"Disabled. {meaning} Go on with: manage.py replication enable")
        return 0
