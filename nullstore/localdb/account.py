"""The user that the servers run as. PostgreSQL refuses to run as root, so root hands over to an ordinary user."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nullstore.exceptions import LocalServerError

#: Whom root hands over to: the first of them that exists.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    def run(self, command: Sequence[str | Path], *, cwd: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run `command` as this user and return what came of it; `timeout` in seconds.

        The environment is a new one: the caller's holds secrets, and PG* variables that would lead astray.
        """
        try:
            return subprocess.run(
                [str(word) for word in command],
                check=False,
                cwd=cwd,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                **self._privileges(),
            )
        except subprocess.TimeoutExpired as error:
            raise LocalServerError(f"{command[0]} did not end within {timeout:g} seconds.") from error

    def _privileges(self) -> dict[str, Any]:
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may pass through `folder`; asked of the system, which knows of more than mode bits."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder], cwd=Path("/"), timeout=10).returncode == 0


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **kept}


def server_account(directory: Path) -> Account:
    """Return the user for the server in `directory`: the caller; for root, its owner or a user of UNPRIVILEGED.

    Raises LocalServerError if root has nobody to hand over to.
    """
    if (uid := os.geteuid()) != 0:
        return Account(_name_of(uid), uid, os.getegid())
    if directory.is_dir() and (owner := directory.stat()).st_uid != 0:
        return Account(_name_of(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LocalServerError(
        f"PostgreSQL does not run as root, and this machine has none of the users {', '.join(UNPRIVILEGED)} "
        "to run it as. Add one (useradd --system postgres) or run this as an ordinary user."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # usual in containers
        return str(uid)
