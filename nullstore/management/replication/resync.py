"""manage.py replication resync."""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.declared import declared
from nullstore.replication.resync import Resynced, plan, resync


class Resync(Action):
    name = "resync"
    help = "From any broken state to a replica that follows and is equal; copies no more than differs."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--table", help="Compare and mend the rows of this replicated table only.")
        parser.add_argument("--anew", action="store_true", help="Make a new slot, even if nothing seems lost.")
        parser.add_argument(
            "--timeout", type=float, default=600.0, help="Seconds the replica may take to follow (default: 600)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        _refuse_unknown_table(options["table"])
        if options["dry_run"]:
            return self._show(plan(anew=options["anew"]), options)
        if not options["no_input"]:
            self._show(plan(anew=options["anew"]), {"json": False})
            self.confirm("Do that?", options)
        started = time.monotonic()
        done = resync(
            anew=options["anew"],
            tables=[options["table"]] if options["table"] else None,
            timeout=options["timeout"],
            say=_silent if options["json"] else self.print,
        )
        self._report(done, time.monotonic() - started, options)
        return done.verification.exit_code

    def _show(self, steps: list[str], options: dict[str, Any]) -> int:
        if options["json"]:
            self.print_json({"would": steps})
        else:
            self.print("This would be done:\n" + "\n".join(f"  - {step}" for step in steps))
        return 0

    def _report(self, done: Resynced, seconds: float, options: dict[str, Any]) -> None:
        if options["json"]:
            verification = done.verification.as_json(20)
            self.print_json({"done": done.steps, "seconds": round(seconds, 3), "verification": verification})
        elif done.verification.equal:
            self.print(f"The replica follows and is equal, after {seconds:.1f} s.")
        else:
            self.print("The replica follows, and some rows still differ. See: manage.py replication verify")


def _silent(sentence: str) -> None:
    """Where steps come with the JSON."""


def _refuse_unknown_table(table: str | None) -> None:
    publication = declared().publication
    tables = sorted(publication.table_names) if publication else []
    if table is not None and table not in tables:
        raise CommandError(f"{table} is not a replicated table. There is: {', '.join(tables)}.", returncode=2)
