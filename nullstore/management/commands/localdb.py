"""manage.py localdb: the embedded PostgreSQL pair of this machine."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.template.defaultfilters import filesizeformat

from nullstore.exceptions import LocalServerError
from nullstore.localdb import pair, shell
from nullstore.localdb.server import LocalServer, Outcome
from nullstore.management.asking import ask
from nullstore.management.base import CleanErrors


class Command(CleanErrors):
    help = "Makes and runs the two PostgreSQL servers that the database URLs describe, on this machine."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("start", help="make the servers if absent, start them, create the databases")
        actions.add_parser("stop", help="stop the servers; their data stays")
        status = actions.add_parser("status", help="show the servers; exit 0 if all run, 1 if not")
        status.add_argument("--json", action="store_true", help="for programs")
        reset = actions.add_parser("reset", help="stop the servers and DELETE their data")
        reset.add_argument("--no-input", action="store_true", help="do not ask")
        reset.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
        actions.add_parser("env", help="print exports that make a bare psql reach the servers")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except OSError as error:
            raise LocalServerError(f"{error.strerror}: {error.filename or pair.directory()}.") from error

    def _start(self, options: dict[str, Any]) -> None:
        pair.start(self._report)

    def _report(self, server: LocalServer, outcome: Outcome, version: str) -> None:
        self.stdout.write(
            f"{', '.join(server.databases)}: PostgreSQL {version} on {server.host}:{server.port}, "
            f"{outcome} (process {server.pid})"
        )

    def _stop(self, options: dict[str, Any]) -> None:
        stopped = pair.stop()
        for folder in stopped:
            self.stdout.write(f"Stopped the server in {folder}")
        if not stopped:
            self.stdout.write(f"No server was running in {pair.directory()}")

    def _status(self, options: dict[str, Any]) -> None:
        servers = pair.status()
        if options["json"]:
            self.stdout.write(json.dumps({"servers": [asdict(server) for server in servers]}, indent=2))
        else:
            self._print_table(servers)
        if not all(server.running for server in servers):
            sys.exit(1)

    def _print_table(self, servers: list[pair.ServerStatus]) -> None:
        row = "{:<16} {:<16} {:<22} {:>8} {:>7} {:>9}  {}"
        self.stdout.write(row.format("DATABASE", "ADDRESS", "STATE", "PID", "VERSION", "SIZE", "DATA DIRECTORY"))
        for server in servers:
            state = "running" if server.running else "stopped" if server.version else "not made yet"
            cells = (server.pid or "-", server.version or "-", filesizeformat(server.size_bytes).replace("\xa0", " "))
            place = f"{server.host}:{server.port}"
            self.stdout.write(row.format(",".join(server.databases), place, state, *cells, server.data_directory))

    def _reset(self, options: dict[str, Any]) -> None:
        doomed = pair.what_reset_deletes()
        for folder in doomed:
            self.stdout.write(f"{'Would delete' if options['dry_run'] else 'To delete'}: {folder}")
        if not doomed:
            self.stdout.write(f"There is no server to delete in {pair.directory()}.")
        if options["dry_run"]:
            return
        if doomed and not options["no_input"]:
            ask(self.stderr, "reset", "Delete these databases with all their data? Type yes:", typed="yes")
        pair.reset()
        if doomed:
            self.stdout.write("Deleted.")

    def _env(self, options: dict[str, Any]) -> None:
        self.stdout.write("\n".join(shell.exports()))
