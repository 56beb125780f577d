"""manage.py replication verify."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from nullstore.management.line import Line
from nullstore.management.replication.action import Action
from nullstore.replication.compare.repair import repair
from nullstore.replication.compare.results import Verification
from nullstore.replication.compare.verification import verify

_DONE = {"missing": "inserted", "extra": "deleted", "different": "updated"}


class Verify(Action):
    name = "verify"
    help = "Compare every row of the replica with its source row, in all columns, and mend those that differ."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")
        parser.add_argument("--limit", type=int, default=20, help="Rows to name; all are counted (default: 20).")
        parser.add_argument("--audit", action="store_true", help="Compare to the byte in place of hashes; slower.")
        parser.add_argument(
            "--timeout", type=float, default=10.0, help="Seconds the replica may take to follow (default: 10)."
        )
        parser.add_argument(
            "--as-is", action="store_true", help="Do not wait: rows that have not arrived count as differing."
        )
        parser.add_argument("--repair", action="store_true", help="Mend the rows of the replica that differ.")
        parser.add_argument("--dry-run", action="store_true", help="With --repair: say what would be mended.")
        parser.add_argument("--no-input", action="store_true", help="With --repair: do not ask.")

    def run(self, options: dict[str, Any]) -> int:
        _refuse_what_does_not_go_together(options)
        with Line(self.command) as line:
            found = verify(
                audit=options["audit"], wait=not options["as_is"], timeout=options["timeout"], progress=line.show
            )
        if options["repair"] and found.differing:
            found = self._repair(found, options)
        if options["json"]:
            self.print_json(found.as_json(options["limit"]))
        else:
            self._report(found, options["limit"])
        return found.exit_code

    def _repair(self, found: Verification, options: dict[str, Any]) -> Verification:
        """Show what would be done, ask unless told not to, and do it."""
        if not options["json"]:
            self._report(found, options["limit"])
        if not options["dry_run"]:
            self.confirm(
                f"Mend these rows of the replica: insert {found.missing:,}, delete {found.extra:,}, update "
                f"{found.different:,}?",
                options,
            )
        with Line(self.command) as line:
            return repair(found, dry_run=options["dry_run"], timeout=options["timeout"], progress=line.show)

    def _report(self, found: Verification, limit: int) -> None:
        if found.repaired is not None:
            done = ", ".join(f"{_DONE[what]} {count:,}" for what, count in found.repaired.items())
            self.print(f"Dry run, nothing was written; a repair would have {done}." if found.dry_run else f"{done}.")
        for difference in found.differences[:limit]:
            columns = f" ({', '.join(difference.columns)})" if difference.columns else ""
            self.print(f"{difference.what:<10}{difference.table}  {difference.id}{columns}")
        if (more := found.differing + found.changing - limit) > 0:
            self.print(f"... and {more:,} more (--limit shows more)")
        if found.not_compared:
            self.print(f"Not compared, only the replica has them: {', '.join(found.not_compared)}.")
        self.print(_verdict(found))


def _verdict(found: Verification) -> str:
    how = {"hash": "by hashes", "audit": "to the byte"}[found.method]
    counts = (
        f"{found.source_rows:,} rows in the source, {found.replica_rows:,} in the replica, compared {how}"
        f"{'' if found.waited else ', as it stands,'} in {found.seconds:.1f} s"
    )
    if found.repaired is not None and not found.dry_run:
        counts = f"The rows that differed were mended and compared again in {found.seconds:.1f} s"
    if found.equal:
        return f"{counts}: equal."
    changing = f", {found.changing:,} written too often to be compared" if found.changing else ""
    return (
        f"{counts}: {found.missing:,} missing, {found.extra:,} extra, {found.different:,} different{changing}. "
        "To mend them: manage.py replication verify --repair"
    )


def _refuse_what_does_not_go_together(options: dict[str, Any]) -> None:
    if options["limit"] < 0:
        raise CommandError("--limit is a number of rows, 0 or more.", returncode=2)
    if not options["repair"] and (options["dry_run"] or options["no_input"]):
        raise CommandError("--dry-run and --no-input go with --repair.", returncode=2)
    if options["repair"] and options["as_is"]:
        raise CommandError(
            "--repair does not go with --as-is: what differs may only be on its way. If the replica does not follow: "
            "manage.py replication resync",
            returncode=2,
        )
    if options["repair"] and not (options["dry_run"] or options["no_input"] or sys.stdin.isatty()):
        raise CommandError("--repair asks before it writes, and there is no terminal: add --no-input.", returncode=2)
