"""What ops_actions keeps of old and new values. It is append-only, and all of the staff may read it: so no secrets."""

import json
import re
from typing import Any, Final

#: Characters of a value up to which it is kept; of a longer one the length is.
KEPT: Final = 1000
MASK: Final = "***"

_WORDS: Final = (
    r"token|secret|passw|passphrase|pwd|credential|private|signature|authorization|cookie|mnemonic|seed"
    r"|api_?key|access_?key"
)
#: A column of such a name is taken for a secret; no id (nft_token_id), nor an engram's `key`, which is its name.
_NAMED: Final = re.compile(rf"(?!.*_id$).*(?:{_WORDS}|_key$)", re.IGNORECASE)
#: user:password@ of an address, even if the password holds a slash; what follows host:port is none.
_USERINFO: Final = re.compile(r"(?<=://)(?:[^\s/?#]*|[^\s/?#@:]*:(?!\d+[/?#])[^\s@]*)@")
#: A text in quotes, or to the end where they are not closed.
_QUOTED: Final = r"""(?s:"(?:[^"\\]|\\.?)*"?|'(?:[^'\\]|\\.?)*'?)"""
#: name=value or name: value with such a name, as in the query of an address or in a header.
_ASSIGNED: Final = re.compile(
    rf"((?<![\w.-])(?:[\w.-]*(?:{_WORDS})[\w.-]*|(?:[\w.-]*[_.-])?key|sig)[\"']?\s*[=:]\s*)"
    rf"(?:{_QUOTED}|(?:(?:bearer|basic)\s+)?[^\s&;,\"']+)",
    re.IGNORECASE,
)
#: Likewise of secrets that are several words: all of the line.
_WORDY: Final = re.compile(
    r"((?<![\w.-])[\w.-]*(?:mnemonic|seed|passphrase)[\w.-]*(?:\s+(?:phrase|words?))?[\"']?\s*[=:]\s*)"
    rf"(?=\S){_QUOTED}?[^\r\n]*",
    re.IGNORECASE,
)


def kept(column: str, value: Any) -> Any:
    """Return the value of a column as JSON can hold it, without secrets; of a long one, how long it is."""
    plain = json.loads(json.dumps(value, default=str))
    if plain not in (None, "") and _NAMED.match(column):
        return MASK
    length = len(json.dumps(plain))
    return _masked(plain) if length <= KEPT else f"({length:,} characters)"


def changed_keys(old: Any, new: Any) -> Any:
    """Return which keys of a document were added, removed or changed; of what is no object, just that it was."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return "(a document)"
    found = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(key for key in old.keys() & new.keys() if old[key] != new[key]),
    }
    return {what: _bounded(keys) for what, keys in found.items() if keys}


def _bounded(keys: list[str]) -> list[str] | str:
    return keys if len(json.dumps(keys)) <= KEPT else f"({len(keys):,} keys)"


def _masked(value: Any) -> Any:
    """Return the value with what looks like a secret in its texts masked."""
    if isinstance(value, str):
        text = _USERINFO.sub(f"{MASK}@", value)
        for pattern in (_WORDY, _ASSIGNED):
            text = pattern.sub(rf"\g<1>{MASK}", text)
        return text
    return [_masked(item) for item in value] if isinstance(value, list) else value
