"""The folder that holds the local pair: where it is, whose it is, one command in it at a time."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nullstore.exceptions import LocalServerError
from nullstore.localdb.folders import make_folder

#: Says that the folder is localdb's own (nothing else is ever deleted), and is the lock of whoever works in it.
MARKER: Final = "nullstore-localdb"
_MADE_FOLDER: Final = "made with its folder\n"
_FOUND_FOLDER: Final = "made in a folder that was there\n"

SERVERS: Final = "servers"
PROGRAMS: Final = "programs"
PASSFILE: Final = "passfile"
_LOCK_TIMEOUT: Final = 120.0  # seconds


def default_home(checkout: Path) -> Path:
    """`.localdb` in the checkout; for root a folder of /var/lib, because its servers' user may not see the checkout."""
    if os.geteuid() != 0:
        return checkout / ".localdb"
    digest = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:8]
    return Path("/var/lib/nullstore") / f"{checkout.name}-{digest}"


def is_marked(home: Path) -> bool:
    """Whether localdb made itself at home in this folder."""
    return (home / MARKER).is_file()


@contextmanager
def settled(home: Path) -> Iterator[None]:
    """Make the folder if it is missing, mark it, and let nobody else work in it meanwhile.

    Raises LocalServerError if it holds something else, or if it stays busy.
    """
    while True:
        try:
            _mark(home)
            descriptor = _lock(home / MARKER)
            break
        except FileNotFoundError:  # a reset deleted it just now
            continue
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Let nobody else work in this marked folder. Raises LocalServerError if it stays busy or is deleted meanwhile."""
    try:
        descriptor = _lock(home / MARKER)
    except FileNotFoundError:
        raise LocalServerError(f"Another command has deleted the local pair in {home} just now.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def server_folders(home: Path) -> list[Path]:
    """The folders of all servers made in `home`, of present and of earlier settings."""
    folder = home / SERVERS
    return sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def remove(home: Path) -> None:
    """Delete what localdb made in `home`, and the folder if localdb made it and nothing else is in it."""
    for name in (SERVERS, PROGRAMS):
        if (home / name).exists():
            shutil.rmtree(home / name)
    made = (home / MARKER).read_text(encoding="ascii") == _MADE_FOLDER
    for path in (home / PASSFILE, *home.glob(f".{PASSFILE}.*")):
        path.unlink(missing_ok=True)
    (home / MARKER).unlink()  # the last: a reset that is killed can be run again
    if made and not any(home.iterdir()):
        home.rmdir()


def _mark(home: Path) -> None:
    made = make_folder(home, 0o755 if os.geteuid() == 0 else 0o700)
    if is_marked(home):
        return
    if any(home.iterdir()) and not is_marked(home):  # marked by somebody else meanwhile
        raise LocalServerError(
            f"The folder {home} holds something, and not the local pair. "
            "Set NULLSTORE_LOCALDB_DIR to an empty folder, or to one that does not exist yet."
        )
    try:
        descriptor = os.open(home / MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as marker:
        marker.write(_MADE_FOLDER if made else _FOUND_FOLDER)


def _lock(path: Path) -> int:
    """Open and lock the marker; raises FileNotFoundError if it is not there."""
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        if _acquired(descriptor, deadline) and _is_same_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise LocalServerError(
                f"Another localdb command has been at work in {path.parent} for {_LOCK_TIMEOUT:g} seconds. "
                "Wait for it or end it, then run this again."
            )


def _acquired(descriptor: int, deadline: float) -> bool:
    while time.monotonic() <= deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def _is_same_file(descriptor: int, path: Path) -> bool:
    """False if a reset deleted the file between opening and locking it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
