"""What a publication or a subscription remembers of its declarations, in its COMMENT.

Migrations may run again: an old Create after a later Alter must not take the object back. So each declaration leaves
its digest in a line of the comment, and an operation whose digest is there, but not last, has been superseded. The
rest of a comment is left as it is. The line also keeps a digest of the row filters as the server spells them, because
its spelling cannot be compared with the declared one.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from nullstore.replication.catalog.query import Connection, first_row

_LINE = re.compile(r"^nullstore: ([0-9a-f ]*?)(?: filters=([0-9a-f]+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The digests of the declarations in the order in which they came, and that of the row filters as stored."""

    history: tuple[str, ...] = ()
    filters: str | None = None

    @property
    def last(self) -> str | None:
        return self.history[-1] if self.history else None

    def supersedes(self, declaration: str, before: str | None = None) -> bool:
        """Tell whether something later than `declaration`, which follows on `before`, has been declared."""
        return declaration in self.history and self.last not in (declaration, before)

    def then(self, steps: Sequence[str], filters: str | None = None) -> "Stamp":
        """Return the stamp after the last of `steps`; after all of them if nothing has been declared before."""
        history = list(self.history)
        for step in steps[-1:] if history else steps:
            if not history or history[-1] != step:
                history.append(step)
        return Stamp(tuple(history), filters)


def digests(*steps: Any) -> list[str]:
    """Return the digests of those declarations that are not None."""
    return [digest(step) for step in steps if step is not None]


def digest(value: Any) -> str:
    """Return 8 hex digits of a declaration or of any other value with a repr of its own."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]


def read(connection: Connection, kind: str, name: str) -> Stamp:
    """Return the stamp of the PUBLICATION or SUBSCRIPTION `name`; an empty one if there is none."""
    line = _LINE.search(_comment(connection, kind, name))
    return Stamp(tuple(line[1].split()), line[2]) if line else Stamp()


def statement(connection: Connection, kind: str, name: str, stamp: Stamp) -> sql.Composed:
    """Return the COMMENT statement that puts `stamp` in the place of the one that is there."""
    others = _LINE.sub("", _comment(connection, kind, name)).strip("\n")
    return comment(kind, name, "\n".join(filter(None, (others, line(stamp.history, stamp.filters)))))


def comment(kind: str, name: str, text: str) -> sql.Composed:
    """Return the COMMENT statement with this text."""
    return sql.SQL("COMMENT ON {} {} IS {}").format(sql.SQL(kind), sql.Identifier(name), text)


def line(history: Sequence[str], filters: str | None = None) -> str:
    """Return the stamp as it is written."""
    return f"nullstore: {' '.join(history)}" + (f" filters={filters}" if filters else "")


def _comment(connection: Connection, kind: str, name: str) -> str:
    catalog, column, here = {
        "PUBLICATION": ("pg_publication", "pubname", "true"),
        "SUBSCRIPTION": (
            "pg_subscription",
            "subname",
            "subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        ),
    }[kind]
    row = first_row(
        connection, f"SELECT obj_description(oid, '{catalog}') FROM {catalog} WHERE {column} = %s AND {here}", [name]
    )
    return (row[0] or "") if row else ""
