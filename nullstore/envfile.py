"""The file `.env` for a machine of one's own: generated secrets, the local pair's addresses."""

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from nullstore import defaults
from nullstore.encryption import generate_key

_CHECKOUT = Path(__file__).resolve().parents[1]

_HEADER: Final = """\
# Settings of this machine, made by `manage.py init_env`. Never commit it: the secrets below are real ones.
# .env.example explains every setting. What is set in the environment itself wins over this file.
"""


def _runtime_url(owner: str, role: str) -> str:
    """The URL of the owner, with a role that migrate makes, and a password made here."""
    return f"postgres://{role}:{secrets.token_urlsafe(24)}@{owner.rpartition('@')[2]}"


#: What the file sets, in this order. Secrets are made for each file.
_VALUES: Final[Mapping[str, Callable[[], str]]] = {
    "DEBUG": lambda: "on",
    "NULLSTORE_ENVIRONMENT": lambda: "development",
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": generate_key,
    "REPLICATION_PASSWORD": lambda: secrets.token_urlsafe(24),
    "EREBUS_OWNER_URL": lambda: defaults.EREBUS_DATABASE_URL,
    "EREBUS_DATABASE_URL": lambda: _runtime_url(defaults.EREBUS_DATABASE_URL, "erebus_web"),
    "AGENTS_OWNER_URL": lambda: defaults.AGENTS_DATABASE_URL,
    "AGENTS_DATABASE_URL": lambda: _runtime_url(defaults.AGENTS_DATABASE_URL, "agents_web"),
}


def env_path() -> Path:
    """The file that the settings read: NULLSTORE_ENV_FILE, or `.env` beside manage.py."""
    return Path(os.environ.get("NULLSTORE_ENV_FILE") or _CHECKOUT / ".env")


def write_env(path: Path, environment: Mapping[str, str]) -> list[str] | None:
    """Write the file `path`, readable by its owner only; None if there is one already, which is left as it is.

    Variables that `environment` has are not copied to the disk; returns their names.
    """
    if os.path.lexists(path):
        return None
    from_outside = [name for name in _VALUES if name in environment]
    return from_outside if _create(path, _content(from_outside)) else None


def _content(from_outside: list[str]) -> str:
    return _HEADER + "".join(
        f"# {name} was set in the environment when this file was made; set it here to do without.\n"
        if name in from_outside
        else f"{name}={make()}\n"
        for name, make in _VALUES.items()
        # An owner of the local database beside a database from elsewhere would be the owner of another one.
        if not (name.endswith("_OWNER_URL") and name.replace("_OWNER_", "_DATABASE_") in from_outside)
        or name in from_outside
    )


def _create(path: Path, text: str) -> bool:
    """Make the file whole or not at all, mode 0600 from the beginning; False if another process was faster."""
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        # A hard link, because renaming would replace a file that has come into being meanwhile.
        Path(path).hardlink_to(temporary)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink()
    return True
