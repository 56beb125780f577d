"""Files that other processes find whole or not at all, readable by their owner only."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from nullstore.localdb.account import Account

_LOW_ON_DISK: Final = 64 * 1024 * 1024  # bytes; initdb alone needs about 40 MB


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Put `text` into `path` in one step, mode 0600 from the beginning; a file already there is replaced.

    Safe in a folder that belongs to `owner`: it never writes through a link that was put there.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(descriptor, owner.uid, owner.gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that is there and is not a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{line}\n")


def size_of(folder: Path) -> int:
    """Bytes in the files below `folder`; files that vanish meanwhile do not count, nor does a missing folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def advice_on_disk(folder: Path) -> str:
    """A sentence if the disk that `folder` is on is nearly full, else ""."""
    existing = next(step for step in (folder, *folder.parents) if step.exists())
    free = shutil.disk_usage(existing).free
    if free >= _LOW_ON_DISK:
        return ""
    left = f"{free // 1024 // 1024} MB left, too few for PostgreSQL"
    return f"\nThe disk of {existing} has only {left}: free some, then run this again."
