"""How far a restore has come, written where it cannot be lost: in the comments of the databases themselves.

A restore fills databases of its own, `<name>_restore_<id>`, and then renames: what was there becomes
`<name>_before_<id>`, what was restored `<name>`. Renaming and the comment are one transaction of a server. So what the
databases are called and what their comments say is always true, whatever was killed, and any later run, on any
machine, can go on from there.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal, Self

from nullstore.backup.server import Server

#: filling: being restored and checked. ready: checked; may be swapped in. swapped: it has the name now, and
#: replication is not yet re-established. kept: what had the name before.
Step = Literal["filling", "ready", "swapped", "kept"]

_PREFIX: Final = "nullstore restore "
#: A name has 63 bytes at most; what we add takes 17.
_NAME: Final = 46


@dataclass(frozen=True, slots=True)
class Entry:
    """What the comment of a database says. `aliases` are those that the restore is of, in the order in which they are
    swapped; `backup` names what from.

    `following` is whether the subscription was enabled when it was stopped for the swap, `comment` what the database
    that was replaced had for a comment.
    """

    id: str
    step: Step
    aliases: tuple[str, ...]
    backup: str
    following: bool = False
    comment: str = ""

    @classmethod
    def read(cls, comment: str) -> Self | None:
        """Return the entry in a database's comment, None if there is none."""
        if not comment.startswith(_PREFIX):
            return None
        try:
            found = json.loads(comment.removeprefix(_PREFIX))
            return cls(**{**found, "aliases": tuple(found["aliases"])})
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        return f"{_PREFIX}{json.dumps(asdict(self))}"

    def at(self, step: Step) -> "Entry":
        return replace(self, step=step)


def new_name(live: str, key: str) -> str:
    """Return the name of the database that is filled for `live`."""
    return f"{_cut(live)}_restore_{key}"


def old_name(live: str, key: str) -> str:
    """Return the name that `live` gets when it is replaced."""
    return f"{_cut(live)}_before_{key}"


def _cut(name: str) -> str:
    return name.encode()[:_NAME].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Found:
    """A database that a restore has left on a server."""

    alias: str
    name: str
    entry: Entry


def found(servers: Mapping[str, Server]) -> list[Found]:
    """Return the databases of restores on these servers, those that are kept included."""
    marked = [each for server in servers.values() for each in _marked(server)]
    known = {each.entry.id for each in marked}
    unmarked = [each for server in servers.values() for each in _unmarked(server)]
    return marked + [each for each in unmarked if each.entry.id not in known]


def _marked(server: Server) -> Iterable[Found]:
    for name, comment in server.comments().items():
        entry = Entry.read(comment)
        if entry is not None and name in (
            server.live,
            new_name(server.live, entry.id),
            old_name(server.live, entry.id),
        ):
            yield Found(server.alias, name, entry)


def _unmarked(server: Server) -> Iterable[Found]:
    """Return what was killed between making the database and writing its comment."""
    ours = re.compile(rf"{re.escape(_cut(server.live))}_restore_([0-9a-f]{{8}})")
    for name, comment in server.comments().items():
        if (match := ours.fullmatch(name)) and not comment:
            yield Found(server.alias, name, Entry(match[1], "filling", (server.alias,), ""))
