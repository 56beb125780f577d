"""What may be shown of a text or a value: no secret, and nothing of what people search for or store."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final

from django.conf import settings

from nullstore import conf
from nullstore.databases import ALIASES
from nullstore.replication.conninfo import MASK

#: scheme://user:password@, however often a proxy or a tool has quoted it.
_URL: Final = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*):[^\s/]+@")
#: As in Python, in a connection string, in a query string, and in SQL: PASSWORD '...'.
_PASSWORD: Final = re.compile(
    r"""(?i)((?:passw(?:or)?d|passphrase|secret(?:_key)?|token|api[_-]?key)["']?\s*(?:[=:]\s*|(?=')))"""
    r"""("[^"]*"|'(?:[^'\\]|\\.|'')*'|[^\s'",)}&]+)"""
)
_BEARER: Final = re.compile(r"(?i)\b(bearer\s+)[^\s'\",]+")
_HEADER: Final = re.compile(r"""(?i)\b((?:authorization|cookie)["']?\s*:\s*["']?)[^"'\n]+""")
#: What people search for, as in a request line or a Referer, is nobody else's business.
_QUERY: Final = re.compile(r"""((?:^|[\s"'(])(?:https?:/)?/[^\s?"']*)\?[^\s"']*""")
#: What PostgreSQL says of a row that a constraint refuses.
_ROW: Final = re.compile(r"(Key \([^\n]*?\)=|Failing row contains )\([^\n]*\)")
_SHORTEST: Final = 8
_NAMES: Final = (
    *("password", "passwd", "passphrase", "secret", "token", "authorization", "cookie"),
    *("api_key", "apikey", "private_key", "session"),
)
#: How deep what a line holds may be nested.
_DEEPEST: Final = 8


def redact(text: str) -> str:
    """Return the text without what could let anybody in: passwords, tokens, keys; and without query strings."""
    for secret in _secrets():
        text = text.replace(secret, MASK)
    text = _URL.sub(rf"\1:{MASK}@", text)
    for pattern in (_BEARER, _HEADER, _PASSWORD):
        text = pattern.sub(rf"\1{MASK}", text)
    return _QUERY.sub(r"\1", _ROW.sub(rf"\1({MASK})", text))


def _secrets() -> list[str]:
    """Return what this process knows that nobody may read, the longest first. Short ones could be any word."""
    if not settings.configured:
        return []
    keys = (pair.rpartition(":")[2] for pair in conf.field_encryption_keys().split(","))
    own = (settings.SECRET_KEY, conf.replication_password(), conf.metrics_token())
    known: Iterable[str] = (*own, *keys, *(password for alias in ALIASES for password in _passwords(alias)))
    return sorted({secret for secret in known if len(secret) >= _SHORTEST}, key=len, reverse=True)


def _passwords(alias: str) -> tuple[str, str]:
    """Return the passwords of the runtime role and of the owner; "" = the owner has none of his own."""
    return conf.runtime_login(alias)[1], str((conf.owner_database(alias) or {}).get("PASSWORD", ""))


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON may show it."""
    match value:
        case dict() if depth < _DEEPEST:
            return masked(value, depth + 1)
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [_plain(each, depth + 1) for each in value]
        case bool() | int() | None:
            return value
        case float() if isfinite(value):
            return value
        case _:
            return redact(text_of(value))


def masked(fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """Return the fields as JSON may show them, without the values of those that are secret by their name.

    `depth` is how far below the top they are.
    """
    named = ((text_of(key), value) for key, value in fields.items())
    return {name: MASK if _is_secret(name) else _plain(value, depth) for name, value in named}


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _NAMES)


def text_of(value: object) -> str:
    """Return the value as text; of one that cannot say it, the name of its class."""
    try:
        return str(value)
    except Exception:  # of a class of somebody's own: what else the line says must not be lost with it
        return f"<{type(value).__name__}>"
