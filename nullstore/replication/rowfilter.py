"""Which columns a row filter reads, told while the migration is written. The server has the last word when it runs."""

import re
from collections.abc import Iterator

_LITERAL = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TYPE = re.compile(
    r"(?:::|\bAS\b)\s*\w+(?:\s+(?:varying|precision|with(?:out)?\s+time\s+zone))?(?:\(\d+\))?", re.IGNORECASE
)
_WORD = re.compile(r'"([^"]+)"|\b([a-z_]\w*)\b(\s*\()?', re.IGNORECASE)
_NOT_COLUMNS = re.compile(
    "all|and|any|array|between|case|cast|collate|distinct|else|end|escape|false|from|ilike|in|is|isnull|like|not|"
    "notnull|null|or|similar|some|symmetric|then|to|true|unknown|when",
    re.IGNORECASE,
)


def columns_read(condition: str) -> frozenset[str]:
    """Return the names in a row filter that are neither keywords, functions, types nor literals."""
    return frozenset(_names(_TYPE.sub(" ", _LITERAL.sub(" ", condition))))


def _names(condition: str) -> Iterator[str]:
    for quoted, word, call in _WORD.findall(condition):
        if quoted:
            yield quoted
        elif not call and not _NOT_COLUMNS.fullmatch(word):
            yield word.lower()
