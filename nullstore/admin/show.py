"""Small pieces of pages: states, moments, durations, links; `{% load nullstore %}` has them as template tags."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote as urlquote

from django.apps import apps
from django.contrib.admin.utils import quote
from django.urls import URLResolver, get_resolver, get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from nullstore.adapters import named

#: The symbol of each tone: colour is never the only sign.
SYMBOLS: Final = {"good": "✓", "busy": "▶", "waits": "!", "bad": "✕", "off": "⊘", "neutral": "○"}

_TONES: Final = {
    "good": ("completed", "online", "healthy", "approved", "featured", "equal", "ok", "active", "ready", "yes"),
    "busy": ("working", "busy", "running", "syncing"),
    "waits": ("input-required", "auth-required", "degraded", "pending", "lagging", "high"),
    "bad": ("failed", "rejected", "error", "unhealthy", "different", "broken", "urgent"),
    "off": ("canceled", "offline", "inactive", "stopped", "revoked", "expired", "no"),
}
_TONE_OF: Final = {word: tone for tone, words in _TONES.items() for word in words}

_KEY: Final = "the-key"
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


def pill(value: Any, tone: str = "", label: str = "") -> SafeString | str:
    """Return a state as a word with a symbol and a colour; `tone` is one of SYMBOLS, by default that of the word."""
    if value in (None, ""):
        return "-"
    tone = tone or _TONE_OF.get(str(value), "neutral")
    return format_html(
        '<span class="ns-pill ns-{}"><span aria-hidden="true">{}</span> {}</span>', tone, SYMBOLS[tone], label or value
    )


def duration(milliseconds: float | None) -> str:
    """Return milliseconds as people say them, in at most two units: 2 d 3 h, 1 min 5 s, 1.2 s, 15 ms."""
    if milliseconds is None:
        return "-"
    if milliseconds < 0:
        return f"-{duration(-milliseconds)}"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    rest = int(milliseconds)
    said: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or said:
            said.append(f"{count} {unit}" if count else "")
        if len(said) == 2:
            break
    return " ".join(part for part in said if part)


def between(start: datetime, end: datetime) -> str:
    """Return how long it was from `start` to `end`."""
    if named(start) or named(end):
        return "an unknown time"
    return duration((end - start) / timedelta(milliseconds=1))


def moment(at: datetime) -> str:
    """Return date and time in UTC, to the second."""
    return named(at) or f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime | None) -> SafeString | str:
    """Return how long ago `moment` was (or how far ahead it is), with the moment itself to be pointed at."""
    if moment is None:
        return "-"
    if name := named(moment):
        return name
    passed = timezone.now() - moment
    said = f"{between(moment, timezone.now())} ago" if passed >= timedelta(0) else f"in {duration(-passed / _MS)}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S %Z}", said
    )


_MS: Final = timedelta(milliseconds=1)


def row_link(label: str, key: Any, text: Any = None) -> SafeString:
    """Return a link to the page of the row `key` of the model `label` (`app.Model`); the text is its key by default."""
    return format_html('<a href="{}">{}</a>', row_url(label, key), key if text is None else text)


def row_url(label: str, key: Any) -> str:
    """Return the address of the page of the row `key` of the model `label` (`app.Model`)."""
    before, after = _around_key(get_resolver(get_urlconf()), get_script_prefix(), label)
    return f"{before}{urlquote(str(quote(key)))}{after}"


# A list has a hundred and more such links, and to reverse each takes a tenth of the page's time.
@lru_cache(maxsize=256)
def _around_key(resolver: URLResolver, prefix: str, label: str) -> tuple[str, str]:
    """Return what stands before and after the key. `resolver` and `prefix` are what reverse() depends on."""
    before, _, after = reverse(f"admin:{_url_name(label)}_change", args=[_KEY]).rpartition(_KEY)
    return before, after


def list_url(label: str, **filters: Any) -> str:
    """Return the address of the list of the model `label` (`app.Model`), filtered."""
    list_of_all = _list_of_all(get_resolver(get_urlconf()), get_script_prefix(), label)
    return f"{list_of_all}?{urlencode(filters)}" if filters else list_of_all


@lru_cache(maxsize=256)
def _list_of_all(resolver: URLResolver, prefix: str, label: str) -> str:
    return reverse(f"admin:{_url_name(label)}_changelist")


def _url_name(label: str) -> str:
    meta = apps.get_model(label)._meta
    return f"{meta.app_label}_{meta.model_name}"
