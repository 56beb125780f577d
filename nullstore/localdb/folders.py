"""Folders for the servers. Only what is made here gets an owner and a mode; what was there keeps its own."""

import os
import tempfile
from pathlib import Path

from nullstore.exceptions import LocalServerError
from nullstore.localdb.account import Account


def make_folder(folder: Path, mode: int | None = None) -> bool:
    """Make `folder` and the folders above it that are missing; return whether it was missing itself.

    Without a `mode` the umask decides, for root 0755: another user's servers have to get through.
    """
    if folder.is_dir():
        return False
    if folder.parent != folder:
        make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:  # somebody else was faster, or it is a file: then what is done in it says so
        return False
    if mode is None and os.geteuid() == 0:
        mode = 0o755
    if mode is not None:
        folder.chmod(mode)
    return True


def make_server_folder(folder: Path, account: Account) -> None:
    """Make `folder` for the user `account` alone.

    Raises LocalServerError if that user cannot reach it, or if it is there and belongs to somebody else.
    """
    require_reachable(folder.parent, account)
    if not folder.is_dir():
        make_folder(folder.parent)
        # Made beside and renamed: a run that is killed here leaves no folder with the wrong owner.
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        os.chown(made, account.uid, account.gid)
        made.rename(folder)
    elif folder.stat().st_uid != account.uid:
        raise LocalServerError(
            f"The folder {folder} does not belong to the user {account.name}, as which the server would run. "
            "Name a folder that does not exist yet: it will be made with the right owner."
        )


def require_reachable(folder: Path, account: Account) -> None:
    """Raise LocalServerError, naming the folder that bars the way, if `account` cannot get to `folder`."""
    existing = next(step for step in (folder, *folder.parents) if step.exists())
    if account.can_enter(existing):
        return
    barrier = next(step for step in (*reversed(existing.parents), existing) if not account.can_enter(step))
    raise LocalServerError(
        f"The user {account.name}, as which the servers run, may not enter {barrier}, and so cannot reach {folder}. "
        "Set NULLSTORE_LOCALDB_DIR to a folder that every user can reach, or leave it unset."
    )
