"""What each code of a problem means, as the page explains it."""

import re
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nullstore.admin.replication.shown import TONES
from nullstore.replication.health import CODES

_CODE: Final = re.compile(r"`([^`]*)`")


def entries() -> list[dict[str, Any]]:
    """Return all codes, causes first."""
    return [
        {
            "name": code.name,
            "verdict": code.verdict,
            "tone": TONES[code.verdict],
            "meaning": with_code(code.meaning),
            "mend": with_code(code.mend),
        }
        for code in CODES
    ]


def with_code(text: str) -> SafeString:
    """Return `text` with what stands between backquotes as <code>."""
    pieces = _CODE.split(text)  # every second one stood between them
    return format_html_join("", "{}", ((_piece(piece, number % 2 == 1),) for number, piece in enumerate(pieces)))


def _piece(text: str, is_code: bool) -> SafeString | str:
    return format_html("<code>{}</code>", text) if is_code else text
