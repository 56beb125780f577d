"""A JSON document for people: highlighted, to be folded, and of bounded size whatever is in the column."""

import json
from collections.abc import Iterator
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nullstore.fields import Unreadable

#: How many values are marked up; what comes after them is cut off, and said to be.
VALUES: Final = 2000
#: What is nested more deeply is left out, and said to be.
DEPTH: Final = 24
#: Up to this depth a document is shown unfolded.
UNFOLDED: Final = 2
#: Characters of one text that are shown.
CHARACTERS: Final = 20_000


def document(value: Any, unfolded: int = UNFOLDED) -> SafeString:
    """Return `value`, as psycopg reads jsonb, as HTML: nested lists to be folded, `unfolded` levels of them open."""
    if isinstance(value, Unreadable):
        return format_html('<p class="ns-missing">{}. It begins:</p><pre class="ns-code">{}</pre>', value.why, value)
    budget = _Budget(VALUES)
    html = _html(value, budget, 0, unfolded)
    more = "" if budget.left > 0 else format_html('<p class="ns-muted">Cut off after {} values.</p>', f"{VALUES:,}")
    return format_html('<div class="ns-json">{}{}</div>', html, more)


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> bool:
        self.left -= 1
        return self.left > 0


def _html(value: Any, budget: _Budget, depth: int, unfolded: int) -> SafeString:
    if not isinstance(value, dict | list) or not value:
        return _scalar(value)
    if depth >= DEPTH:
        return format_html("<code>{}</code>", "… nested more deeply: see the raw document")
    items = format_html_join("", "<li>{}{}</li>", _items(value, budget, depth, unfolded))
    kind = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return format_html(
        '<details{}><summary>{}<span class="ns-muted"> {} </span>{}</summary><ul>{}</ul></details>',
        SafeString(" open") if depth < unfolded else "",
        kind[0],
        f"{len(value):,}",
        kind[1],
        items,
    )


def _items(value: Any, budget: _Budget, depth: int, unfolded: int) -> Iterator[tuple[SafeString | str, SafeString]]:
    pairs = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    for key, each in pairs:
        if not budget.spend():
            return
        name = "" if key is None else format_html('<span class="ns-json-key">{}</span>: ', _short(key))
        yield name, _html(each, budget, depth + 1, unfolded)


def _scalar(value: Any) -> SafeString:
    kind = "text" if isinstance(value, str) else "number" if _is_number(value) else "word"
    try:
        text = _short(json.dumps(value, ensure_ascii=False, default=str))
    except ValueError:
        text = "a number of too many digits"
    return format_html('<span class="ns-json-{}">{}</span>', kind, text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(text: str) -> str:
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}… ({len(text):,} characters)"
