"""The parts of messages and artifacts, by kind: text, data, file. A2A v0.3 names the kind, v1.0 shows it by the key."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

#: Characters of a text that a page shows, and parts of one message.
CHARACTERS: Final = 20_000
PARTS: Final = 50

#: Characters of base64 that a column has room for, and more.
_LONGEST: Final = 2**31

_BYTES_KEYS: Final = ("bytes", "fileWithBytes", "raw")
_URI_KEYS: Final = ("uri", "fileWithUri", "url")


@dataclass(frozen=True, slots=True)
class File:
    """A file; `size` is in bytes, if it came along. Only an address of the web is `linked`."""

    name: str
    media_type: str
    uri: str = ""
    size: int | None = None

    @property
    def linked(self) -> bool:
        try:
            return urlsplit(self.uri).scheme in ("http", "https")
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `kind` is text, data, file, or other: then `value` is all of it."""

    kind: str
    value: Any
    note: str = ""


def parts_of(item: dict[str, Any]) -> list[Part]:
    """Return the parts of a message or artifact; what is none as it is, with a note."""
    parts = item.get("parts")
    if not isinstance(parts, list):
        what = "It has no parts." if parts is None else "Its parts are no list."
        return [Part("other", parts, what)]
    shown = [_part(part) for part in parts[:PARTS]]
    more = len(parts) - PARTS
    return [*shown, Part("other", None, f"{more:,} more parts are not shown.")] if more > 0 else shown


def _part(part: Any) -> Part:
    if not isinstance(part, dict):
        return Part("other", part, "This part is no object.")
    kind = part.get("kind") or part.get("type") or next((key for key in ("text", "data", "file") if key in part), "")
    if kind == "text" and isinstance(part.get("text"), str):
        return _text(part["text"])
    if kind == "data" and "data" in part:
        return Part("data", part["data"])
    file = part.get("file") if kind == "file" else part if any(key in part for key in ("url", "raw")) else None
    if isinstance(file, dict):
        return Part("file", _file(file))
    return Part("other", part, "This part is of no known kind.")


def _text(text: str) -> Part:
    if len(text) <= CHARACTERS:
        return Part("text", text)
    return Part("text", text[:CHARACTERS], f"Cut off: it has {len(text):,} characters.")


def _file(file: dict[str, Any]) -> File:
    uri = _first(file, _URI_KEYS)
    return File(
        name=str(_first(file, ("name", "filename")) or "unnamed")[:255],
        media_type=str(_first(file, ("mimeType", "mediaType", "media_type")) or "of unknown type")[:255],
        uri=uri[:2000] if isinstance(uri, str) else "",
        size=_size(_first(file, _BYTES_KEYS)),
    )


def _first(values: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((values[key] for key in keys if values.get(key) is not None), None)


def _size(encoded: Any) -> int | None:
    """Return how many bytes base64 stands for, be it left out or not."""
    length = _length(encoded)
    if length is None:
        return None
    return length * 3 // 4 - (encoded[-2:].count("=") if isinstance(encoded, str) else 0)


def _length(encoded: Any) -> int | None:
    """Return the length of base64, which stands in its place where the database left it out; None if it is none."""
    if isinstance(encoded, str):
        return len(encoded)
    is_number = isinstance(encoded, int) and not isinstance(encoded, bool)
    return encoded if is_number and 0 <= encoded < _LONGEST else None


def without_bytes(value: Any) -> Any:
    """Return a document without the bytes of its files, to be shown as it is."""
    if isinstance(value, dict):
        return {key: _left_out(each) if key in _BYTES_KEYS else without_bytes(each) for key, each in value.items()}
    return [without_bytes(each) for each in value] if isinstance(value, list) else value


def _left_out(value: Any) -> Any:
    length = _length(value)
    return without_bytes(value) if length is None else f"({length:,} characters of base64)"
