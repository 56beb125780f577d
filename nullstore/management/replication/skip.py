"""manage.py replication skip."""

from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.replication.pgoutput import Transaction
from nullstore.replication.skip import failing_transaction, lsn, skip


class Skip(Action):
    name = "skip"
    help = "Leave out the transaction that apply fails at, after showing it. Its other rows are left out, too."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("--timeout", type=float, default=60.0, help="Seconds apply may take (default: 60).")
        parser.add_argument("--dry-run", action="store_true", help="Only show the transaction.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def run(self, options: dict[str, Any]) -> int:
        transaction = failing_transaction()
        if not options["json"]:
            self._show(transaction)
        if not options["dry_run"]:
            self.confirm("Leave out all of this transaction?", options)
            skip(transaction, options["timeout"])
        if options["json"]:
            self.print_json({**_as_json(transaction), "skipped": not options["dry_run"]})
        elif not options["dry_run"]:
            self.print("Left out. The replica lacks these changes now. To mend it: manage.py replication resync")
        return 0

    def _show(self, transaction: Transaction) -> None:
        self.print(f"Transaction {transaction.xid} of the publisher, finished at {lsn(transaction.finish)}:")
        for (command, table), count in transaction.changes.items():
            self.print(f"  {command} of {count:,} {'row' if count == 1 else 'rows'} in {table}")
        for row in transaction.rows:
            self.print(f"    {row}")
        if transaction.changes.total() > len(transaction.rows):
            self.print("    ...")


def _as_json(transaction: Transaction) -> dict[str, Any]:
    return {
        "xid": transaction.xid,
        "lsn": lsn(transaction.finish),
        "changes": [
            {"command": command, "table": table, "rows": count}
            for (command, table), count in transaction.changes.items()
        ],
        "rows": transaction.rows,
    }
