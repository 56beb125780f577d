"""The folder of a backup: written under another name, and renamed when it is complete."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from nullstore.exceptions import BackupError


class Workplace(NamedTuple):
    """Where a backup is written, and the file descriptor that is locked while somebody writes there."""

    folder: Path
    lock: int


@contextmanager
def completed(target: Path) -> Iterator[Workplace]:
    """Give a folder to write in; it becomes `target` if the block ends well, and goes if not.

    What a killed run left behind is removed first. Raises BackupError if `target` exists, or if another run writes it.
    """
    target = target.absolute()
    if target.exists():
        raise BackupError(f"{target} exists. Name a folder that does not, such as one with the date in its name.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(partial, os.O_RDONLY)
    except OSError as error:
        raise BackupError(f"{partial} cannot be made: {error.strerror}.") from error
    try:
        _lock(lock, target)
        _empty(partial)
        try:
            yield Workplace(partial, lock)
            _to_disk(partial)
            partial.rename(target)
            _to_disk(target.parent, deep=False)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _lock(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BackupError(f"Another run is writing {target}, or a pg_dump that it left is still at it.") from None


def _empty(folder: Path) -> None:
    for leftover in folder.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _to_disk(folder: Path, *, deep: bool = True) -> None:
    """Have the system write files and folders to the disk: a renamed backup must outlive a power failure."""
    for path in (*(sorted(folder.rglob("*")) if deep else ()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
