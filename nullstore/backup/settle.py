"""From filled databases to a pair that replicates; and what to do about a restore that was interrupted on the way."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from django.db import connections

from nullstore.backup import journal
from nullstore.backup.journal import Entry, Found
from nullstore.backup.server import Server
from nullstore.backup.swap import (
    drop_subscription,
    forget_old_subscription,
    halt_replication,
    is_following,
    resume_replication,
    swap,
    swap_back,
)
from nullstore.databases import AGENTS
from nullstore.exceptions import DatabaseInUse, DatabaseUnavailable, RestoreUnfinished
from nullstore.replication.compare.results import Verification
from nullstore.replication.resync import resync

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore ended with. `tasks_without_user` counts the tasks whose user is gone since; `kept` are the
    databases that were replaced, by alias.
    """

    tasks_without_user: int
    kept: Mapping[str, str]
    verification: Verification


def unfinished(there: Mapping[str, Server]) -> Entry | None:
    """Return the entry of a restore that was interrupted, None if there is none.

    Its step is "swapped" if a database was replaced, so that it is to be finished; "ready" if it can be, for all are
    filled; "filling" if it can only be taken back.
    """
    entries = [each.entry for each in journal.found(there) if each.entry.step != "kept"]
    last = max(entries, key=lambda entry: entry.step == "swapped", default=None)
    if last is None or last.step == "swapped":
        return last
    ready = [entry for entry in entries if entry.id == last.id and entry.step == "ready"]
    return last.at("ready" if len(ready) == len(last.aliases) else "filling")


def complete(
    there: Mapping[str, Server],
    entry: Entry,
    *,
    migrate: Callable[[], None],
    say: Say,
    disconnect: bool,
    timeout: float,
) -> Restored:
    """Swap in what is filled, and make replication anew. Goes on where an earlier run was interrupted.

    Raises DatabaseInUse with everything as it was and what is filled kept; RestoreUnfinished where some databases are
    swapped and others not.
    """
    _swap_in(there, entry, say=say, disconnect=disconnect)
    forget_old_subscription(there, entry)
    migrate()
    before = _tasks_with_user()
    done = resync(say=say, anew=True, timeout=timeout)
    lost = before - _tasks_with_user()
    connections.close_all()
    kept = _kept(there, entry)
    for alias in entry.aliases:
        _unmark(there[alias], entry)
    return Restored(lost, kept, done.verification)


def take_back(there: Mapping[str, Server], entry: Entry, *, say: Say, disconnect: bool) -> None:
    """Have everything as it was before the restore, and drop what it made.

    Raises RestoreUnfinished where that can no longer be: all databases are swapped, and written since.
    """
    swapped = [alias for alias in entry.aliases if _has(there[alias], there[alias].live, entry, "swapped")]
    if swapped and not _waiting(there, entry):
        raise RestoreUnfinished(
            f"All databases of the restore of {entry.backup} are in their places: it can only be finished. "
            "Run: manage.py restore --resume"
        )
    for alias in swapped:
        swap_back(there[alias], entry, disconnect=disconnect)
    _drop_new(there, entry)
    if entry.following:
        resume_replication()
    say(f"The restore of {entry.backup} was taken back: everything is as it was before.")


def kept(there: Mapping[str, Server]) -> list[Found]:
    """Return the databases that restores have replaced, of restores that are finished."""
    busy = unfinished(there)
    return [
        each
        for each in journal.found(there)
        if each.entry.step == "kept" and (busy is None or each.entry.id != busy.id)
    ]


def drop_kept(there: Mapping[str, Server], databases: Iterable[Found]) -> None:
    """Drop these databases. Raises psycopg.Error."""
    for each in databases:
        if each.alias == AGENTS:
            # Of a database that could not be connected to when it was replaced.
            with suppress(DatabaseUnavailable):
                drop_subscription(each.name)
        there[each.alias].drop(each.name)


def _swap_in(there: Mapping[str, Server], entry: Entry, *, say: Say, disconnect: bool) -> None:
    waiting = _waiting(there, entry)
    if not waiting:
        return
    if is_following(there):
        # Written down before it is done: whoever takes this back has to know.
        entry = replace(entry, following=True)
        for alias in waiting:
            there[alias].comment(journal.new_name(there[alias].live, entry.id), str(entry.at("ready")))
        halt_replication()
    for alias in waiting:
        try:
            swap(there[alias], entry, disconnect=disconnect)
        except DatabaseInUse as error:
            if alias == entry.aliases[0]:
                if entry.following:
                    resume_replication()
                raise DatabaseInUse(
                    f"{error} What was restored is kept meanwhile, and nothing was replaced: then manage.py restore "
                    "--resume, or --abort to drop it."
                ) from error
            raise RestoreUnfinished(
                f"{error} Until then only {entry.aliases[0]} is the restored one. Then: manage.py restore --resume, or "
                "--abort to go back."
            ) from error
        say(f"{there[alias].place} is the restored one now.")


def _waiting(there: Mapping[str, Server], entry: Entry) -> list[str]:
    """Return the aliases whose restored database has not been given its name yet."""
    return [
        alias for alias in entry.aliases if _has(there[alias], journal.new_name(there[alias].live, entry.id), entry)
    ]


def _has(server: Server, name: str, entry: Entry, step: str | None = None) -> bool:
    found = Entry.read(server.comments().get(name, ""))
    return found is not None and found.id == entry.id and step in (None, found.step)


def _drop_new(there: Mapping[str, Server], entry: Entry) -> None:
    for alias in entry.aliases:
        there[alias].drop(journal.new_name(there[alias].live, entry.id))


def _tasks_with_user() -> int:
    with connections[AGENTS].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tasks WHERE user_id IS NOT NULL")
        (found,) = cursor.fetchone()
    return int(found)


def _kept(there: Mapping[str, Server], entry: Entry) -> dict[str, str]:
    names = {alias: journal.old_name(there[alias].live, entry.id) for alias in entry.aliases}
    return {alias: name for alias, name in names.items() if name in there[alias].comments()}


def _unmark(server: Server, entry: Entry) -> None:
    """Give the database the comment that the one it replaced had."""
    kept = Entry.read(server.comments().get(journal.old_name(server.live, entry.id), ""))
    server.comment(server.live, kept.comment if kept else "")
