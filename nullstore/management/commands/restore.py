"""manage.py restore: a backup into new databases beside those that are there, which then take their places."""

import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from nullstore.backup.journal import Entry
from nullstore.backup.manifest import Manifest
from nullstore.backup.restore import Restore
from nullstore.backup.server import Server, alone_on, servers
from nullstore.backup.settle import Restored, complete, drop_kept, kept, take_back, unfinished
from nullstore.databases import ALIASES
from nullstore.management.asking import ask
from nullstore.management.line import Line
from nullstore.management.owner import OwnerCommand
from nullstore.management.talk import Talk
from nullstore.runtime.pair import ensure_runtime_roles


class Command(OwnerCommand):
    help = (
        "Restores a backup into new databases beside those that are there, compares them with its manifest, gives "
        "them the names of the others, which are kept, and makes replication anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", nargs="?", help="The backup.")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--resume", action="store_true", help="Finish a restore that was interrupted.")
        what.add_argument("--abort", action="store_true", help="Take a restore back that was interrupted.")
        what.add_argument("--drop-kept", action="store_true", help="Drop the databases that restores have replaced.")
        parser.add_argument("--database", choices=ALIASES, help="Restore this one only (default: both).")
        parser.add_argument("--jobs", type=int, default=2, help="Processes that restore at once (default: 2).")
        parser.add_argument("--disconnect", action="store_true", help="End the sessions of whoever is connected.")
        parser.add_argument("--force", action="store_true", help="Take a backup of another environment.")
        parser.add_argument(
            "--timeout", type=float, default=600.0, help="Seconds the replica may take to follow (default: 600)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print a JSON object on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options, self.talk = options, Talk(self, as_json=options["json"])
        instead = options["resume"] or options["abort"] or options["drop_kept"]
        if bool(options["folder"]) == instead:
            raise CommandError("Name the folder of a backup, or one of --resume, --abort, --drop-kept.", returncode=2)
        with servers(ALIASES) as there, alone_on(there):
            if options["drop_kept"]:
                self._drop_kept(there)
            elif instead:
                self._go_on(there)
            else:
                self._restore(there)

    def _restore(self, there: dict[str, Server]) -> None:
        options = self.options
        restore = Restore(
            folder=options["folder"],
            manifest=Manifest.read(options["folder"]),
            aliases=[options["database"]] if options["database"] else list(ALIASES),
            there=there,
            jobs=options["jobs"],
            disconnect=options["disconnect"],
            force=options["force"],
        )
        if options["dry_run"]:
            self._show_plan(restore)
            return
        if (entry := restore.interrupted()) is not None:
            self.talk.step(f"The restore of {entry.backup} was interrupted: going on with it.")
        else:
            restore.refuse()
            self._confirm(restore)
            entry = self._fill(restore)
        self._complete(there, entry)

    def _fill(self, restore: Restore) -> Entry:
        while (found := unfinished(restore.there)) is not None:
            take_back(restore.there, found, say=self.talk.step, disconnect=False)
        with Line(self) as line:
            return restore.fill(say=self.talk.step, progress=line.count)

    def _go_on(self, there: dict[str, Server]) -> None:
        found = unfinished(there)
        goes_back = found is not None and (self.options["abort"] or found.step == "filling")
        if found is None:
            self.talk.end("No restore was interrupted.", {"unfinished": None})
        elif self.options["dry_run"]:
            what = "taken back" if goes_back else "finished"
            self.talk.end(f"The restore of {found.backup} would be {what}.", {"unfinished": found.backup})
        elif goes_back:
            take_back(there, found, say=self.talk.step, disconnect=self.options["disconnect"])
            self.talk.end("", {"done": self.talk.steps})
        else:
            self._complete(there, found)

    def _complete(self, there: dict[str, Server], entry: Entry) -> None:
        done = complete(
            there,
            entry,
            migrate=self._migrate,
            say=self.talk.step,
            disconnect=self.options["disconnect"],
            timeout=self.options["timeout"],
        )
        self._report(done)
        if done.verification.exit_code:
            sys.exit(done.verification.exit_code)

    def _drop_kept(self, there: dict[str, Server]) -> None:
        found = kept(there)
        names = [f"{each.name} on {each.alias} (replaced by a restore of {each.entry.backup})" for each in found]
        if not found:
            self.talk.end("Nothing is kept.", {"dropped": []})
        elif self.options["dry_run"]:
            self.talk.end("Would drop: " + "; ".join(names), {"would_drop": names})
        else:
            if not self.options["no_input"]:
                self.talk.aside("\n".join(names))
                ask(self.stderr, "restore", "Type yes to drop them with all their data:", typed="yes")
            drop_kept(there, found)
            self.talk.end("Dropped: " + "; ".join(names), {"dropped": names})

    def _confirm(self, restore: Restore) -> None:
        if self.options["no_input"]:
            return
        made = restore.manifest
        self.talk.aside(f"The backup is of {made.environment}, {made.started_at}. This will be done:")
        self.talk.aside(_listed(restore.plan()))
        for alias in restore.aliases:
            server = restore.there[alias]
            question = f"This replaces {alias}, the database {server.place}. Type its name to go on:"
            ask(self.stderr, "restore", question, typed=server.live)

    def _migrate(self) -> None:
        """Bring what was restored to this checkout's migrations, if it is older, and to the runtime roles' rights."""
        pending = [alias for alias in ALIASES if _pending(alias)]
        if pending:
            self.talk.step(
                f"The backup is older than this checkout: applying the migrations of {' and '.join(pending)}."
            )
            call_command("migrate", verbosity=0, interactive=False)
        # The backup may be of a pair whose web process has another role.
        for change in ensure_runtime_roles():
            for problem in change.problems:
                self.stderr.write(f"{change.alias}: {problem}")

    def _show_plan(self, restore: Restore) -> None:
        if (entry := restore.interrupted()) is not None:
            steps = [f"go on with the restore of {entry.backup}, which was interrupted"]
        else:
            restore.refuse()
            steps = restore.plan()
        self.talk.end(f"This would be done:\n{_listed(steps)}", {"would": steps})

    def _report(self, done: Restored) -> None:
        verification = done.verification
        said = {
            "done": self.talk.steps,
            "tasks_without_user": done.tasks_without_user,
            "kept": done.kept,
            "verification": verification.as_json(20),
        }
        lines = []
        if done.tasks_without_user:
            lines.append(f"{done.tasks_without_user:,} tasks have no user any more: theirs are not in this erebus.")
        for alias, name in done.kept.items():
            lines.append(f"What {alias} was before is kept as {name}.")
        if done.kept:
            lines.append("When it is no longer needed: manage.py restore --drop-kept")
        lines.append(
            "Restored; the replica follows and is equal."
            if verification.equal
            else "Restored; some rows of the replica still differ. See: manage.py replication verify"
        )
        self.talk.end("\n".join(lines), said)


def _listed(steps: list[str]) -> str:
    return "\n".join(f"  - {step}" for step in steps)


def _pending(alias: str) -> bool:
    executor = MigrationExecutor(connections[alias])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
