"""manage.py backup: both databases into a folder, while they are in use; or whether a backup is whole."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from nullstore.backup.manifest import Manifest
from nullstore.backup.refusals import refuse_damaged
from nullstore.backup.take import backup
from nullstore.management.line import Line
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand):
    help = "Writes a backup of both databases into a folder, while they are in use."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="A folder that does not exist yet.")
        parser.add_argument("--check", action="store_true", help="Compare the files in DIR with its manifest instead.")
        parser.add_argument("--jobs", type=int, default=2, help="Processes that dump at once (default: 2).")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        manifest = self._check(folder) if options["check"] else self._take(folder, options)
        if options["json"]:
            self.stdout.write(json.dumps(_summary(folder, manifest), indent=2))
            return
        for alias, dump in manifest.databases.items():
            self.stdout.write(f"{alias}: {dump.rows:,} rows in {len(dump.tables)} tables, {dump.size / 2**20:,.1f} MB")
        whole = "is whole" if options["check"] else "is complete"
        self.stdout.write(f"The backup in {folder} {whole}.")

    def _take(self, folder: Path, options: dict[str, Any]) -> Manifest:
        with Line(self) as line:
            return backup(folder, jobs=options["jobs"], progress=line.count)

    def _check(self, folder: Path) -> Manifest:
        manifest = Manifest.read(folder)
        refuse_damaged(folder, manifest, manifest.databases)
        return manifest


def _summary(folder: Path, manifest: Manifest) -> dict[str, Any]:
    return {
        "folder": str(folder.absolute()),
        "environment": manifest.environment,
        "started_at": manifest.started_at,
        "finished_at": manifest.finished_at,
        "databases": {
            alias: {"rows": dump.rows, "tables": len(dump.tables), "bytes": dump.size, "lsn": dump.lsn}
            for alias, dump in manifest.databases.items()
        },
    }
