"""manage.py replication reconnect."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.reconnect import Reconnection, plan, reconnect


class Reconnect(Action):
    name = "reconnect"
    help = (
        "After a failover or a move of erebus: the subscription goes on from where it was, on the server that the "
        "settings name; refused where changes would be lost."
    )

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument(
            "--timeout", type=float, default=30.0, help="Seconds the replica may take to follow (default: 30)."
        )
        parser.add_argument(
            "--unchecked",
            action="store_true",
            help="Go on where it cannot be seen whether that server has everything that agents has.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        unchecked = options["unchecked"]
        done = plan(unchecked=unchecked) if options["dry_run"] else reconnect(options["timeout"], unchecked=unchecked)
        if options["json"]:
            self.print_json({**asdict(done), "changed": done.changes and not options["dry_run"]})
        else:
            self.print(_said(done, dry_run=options["dry_run"]))
        return 0


def _said(done: Reconnection, *, dry_run: bool) -> str:
    if not done.changes:
        return f"It connects to {done.place} already; nothing {'would be' if dry_run else 'was'} changed."
    where = f"{done.place}, slot {done.slot}"
    where += "" if done.position is None else f", from byte {done.position:,} of the WAL on"
    where += f". Not checked whether that has everything: {done.unchecked}" if done.unchecked else ""
    if dry_run:
        return f"It would connect to {where}."
    if not done.enabled:
        return f"It will connect, when it is enabled (manage.py replication enable), to {where}."
    return f"It follows {where}."
