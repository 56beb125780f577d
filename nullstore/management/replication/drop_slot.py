"""manage.py replication drop-slot."""

from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.orphans import drop_orphan, refuse_to_drop


class DropSlot(Action):
    name = "drop-slot"
    help = "Drop a slot of ours that no subscription follows any more; it keeps WAL until then."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("slot", help="Its name, as replication status shows it.")
        parser.add_argument("--dry-run", action="store_true", help="Only say whether it could be dropped.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        name = options["slot"]
        refuse_to_drop(name)
        if not options["dry_run"]:
            self.confirm(f"If another installation follows {name}, it loses changes for good. Drop it?", options)
            drop_orphan(name)
        if options["json"]:
            self.print_json({"slot": name, "dropped": not options["dry_run"]})
        else:
            self.print(f"{name} {'can be' if options['dry_run'] else 'is'} dropped.")
        return 0
