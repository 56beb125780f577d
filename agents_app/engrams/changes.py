"""How two JSON documents differ, by path."""

import json
import re
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

from jsonpatch import JsonPatch

from nullstore.fields import Unreadable, read_document

#: Characters and levels of a document up to which it is compared by path: both cost more than in proportion.
LONGEST: Final = 30_000
DEEPEST: Final = 50
#: How many changes are listed.
LISTED: Final = 200
#: Characters of a value.
SHOWN: Final = 400

_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]')


class Change(NamedTuple):
    """One place where two documents differ. `path` is a JSON pointer (RFC 6901), "" the whole document."""

    kind: str
    path: str
    old: str | None
    new: str | None


class Changes(NamedTuple):
    """The first LISTED changes, how many there are, and why they could not be found, if so."""

    listed: list[Change]
    total: int
    missing: str = ""


def changes(old: str, new: str) -> Changes:
    """Return what has to be done, in this order, to make the document `new` of the document `old`.

    Both are JSON as PostgreSQL writes it: equal documents have equal texts.
    """
    if max(len(old), len(new)) > LONGEST:
        return Changes([], 0, f"Documents of more than {LONGEST:,} characters are not compared by path.")
    if max(_depth(old), _depth(new)) > DEEPEST:
        return Changes([], 0, f"Documents of more than {DEEPEST} levels are not compared by path.")
    documents = read_document(old), read_document(new)
    if any(isinstance(each, Unreadable) for each in documents):
        return Changes([], 0, "Documents with numbers of so many digits are not compared by path.")
    patch = list(JsonPatch.from_diff(*documents, optimization=False, generate_test_ops=True))
    found = [_change(before, step) for before, step in pairwise([{}, *patch]) if step["op"] != "test"]
    if not found and old != new:
        return Changes([], 0, "They differ only in digits of numbers that are not compared by path.")
    return Changes(found[:LISTED], len(found))


def _depth(document: str) -> int:
    """Return how many brackets are open at once in a JSON document, those in its texts left out."""
    brackets = _BRACKETS.findall(document)
    return max(accumulate(1 if each in "[{" else -1 for each in brackets if len(each) == 1), default=0)


def _change(before: dict[str, Any], step: dict[str, Any]) -> Change:
    """Return the step for people. Before whatever removes a value, the patch tests that it is there: `before`."""
    kind = {"add": "added", "remove": "removed", "replace": "changed"}[step["op"]]
    old = None if kind == "added" else _shown(before["value"])
    new = None if kind == "removed" else _shown(step["value"])
    return Change(kind, step["path"], old, new)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"
