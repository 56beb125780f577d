"""Restoring a backup beside what is there, and swapping it in once it has proved to be whole."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import psycopg

from nullstore.backup import fill, journal, refusals
from nullstore.backup.journal import Entry
from nullstore.backup.manifest import Manifest
from nullstore.backup.progress import Progress
from nullstore.backup.roles import make_role, missing_roles, passwords
from nullstore.backup.server import Server
from nullstore.backup.settle import unfinished
from nullstore.backup.swap import ORDER, refuse_in_use
from nullstore.databases import USER_SYNC
from nullstore.exceptions import RestoreError, RestoreUnfinished

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restore:
    """A backup, and where it is to go: `aliases` of it, to the servers `there` (which are those of both aliases).

    `disconnect` ends the sessions of others, `force` takes a backup of another environment.
    """

    folder: Path
    manifest: Manifest
    aliases: Sequence[str]
    there: Mapping[str, Server]
    jobs: int = 2
    disconnect: bool = False
    force: bool = False

    @property
    def label(self) -> str:
        """What the journal calls the backup."""
        return f"{self.folder.absolute().name} of {self.manifest.started_at}"

    @property
    def order(self) -> tuple[str, ...]:
        """The aliases in the order in which they are swapped in."""
        return tuple(alias for alias in ORDER if alias in self.aliases)

    def refuse(self) -> None:
        """Raise what keeps it from being done: BackupError and what is derived from it. Changes nothing."""
        if missing := [alias for alias in self.aliases if alias not in self.manifest.databases]:
            raise RestoreError(f"The backup in {self.folder} has no {' and no '.join(missing)}.")
        refusals.refuse_foreign(self.manifest, force=self.force)
        for server in self.there.values():
            refusals.refuse_unable(server)
        refusals.refuse_mute(self.there[USER_SYNC.publisher])
        for alias in self.aliases:
            refusals.refuse_newer(alias, self.manifest.databases[alias])
            refusals.pg_restore(self.there[alias], self.manifest.databases[alias])
            if not self.disconnect:
                refuse_in_use(self.there[alias])
        refusals.refuse_damaged(self.folder, self.manifest, self.aliases)

    def interrupted(self) -> Entry | None:
        """Return the entry of this very restore if it was interrupted when all was filled, or later; else None.

        Raises RestoreUnfinished if another was that has replaced a database.
        """
        found = unfinished(self.there)
        if found is None or found.step == "filling":
            return None
        if (found.backup, found.aliases) == (self.label, self.order):
            return found
        if found.step == "swapped":
            raise RestoreUnfinished(
                f"A restore of {found.backup} was interrupted when it had replaced a database. Finish it first: "
                "manage.py restore --resume"
            )
        return None

    def plan(self) -> list[str]:
        """Return what would be done, in sentences."""
        found = unfinished(self.there)
        steps = [] if found is None else [f"take back the restore of {found.backup}, which was interrupted"]
        for alias in self.order:
            server, dump = self.there[alias], self.manifest.databases[alias]
            steps += [f"make {_role(name, alias)}" for name in missing_roles(server, dump)]
            steps.append(f"restore {dump.rows:,} rows into a new database beside {server.place}, and compare them")
        for alias in self.order:
            server = self.there[alias]
            kept = (
                f"keep what {server.place} is now under another name, and " if server.live in server.comments() else ""
            )
            steps.append(f"{kept}give the restored {alias} the name {server.live}")
        return [*steps, "make the subscription anew, compare the replica with its source, and mend what differs"]

    def fill(self, *, say: Say, progress: Progress) -> Entry:
        """Restore into databases of their own, and compare what came of it; return the entry to swap them in by.

        If it fails, they are dropped again.
        """
        entry = Entry(token_hex(4), "filling", self.order, self.label)
        try:
            for alias in entry.aliases:
                self._make_roles(alias, say)
                self._fill(alias, entry, progress)
                say(f"Restored {alias}: {self.manifest.databases[alias].rows:,} rows, as in the manifest.")
            for alias in entry.aliases:
                server = self.there[alias]
                server.comment(journal.new_name(server.live, entry.id), str(entry.at("ready")))
        except BaseException:
            for alias in entry.aliases:
                # A server that is gone now has a reason, which is to be seen; the next run drops what is left.
                with suppress(psycopg.Error):
                    self.there[alias].drop(journal.new_name(self.there[alias].live, entry.id))
            raise
        return entry.at("ready")

    def _make_roles(self, alias: str, say: Say) -> None:
        server = self.there[alias]
        for name in missing_roles(server, self.manifest.databases[alias]):
            make_role(server, name)
            say(f"Made {_role(name, alias)}.")

    def _fill(self, alias: str, entry: Entry, progress: Progress) -> None:
        server, dump = self.there[alias], self.manifest.databases[alias]
        name = journal.new_name(server.live, entry.id)
        server.create(name, dump.locale, str(entry))
        program = refusals.pg_restore(server, dump)
        fill.fill(server, name, dump, self.folder / alias, program, jobs=self.jobs, progress=progress)
        fill.verify(server, name, dump, progress=progress)


def _role(name: str, alias: str) -> str:
    login = "with the password of the settings" if name in passwords(alias) else "without login: that is yours to give"
    return f"the role {name} of {alias}, which the server does not have, {login}"
