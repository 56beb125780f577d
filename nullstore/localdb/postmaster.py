"""The server's main process: found by the file that it writes, known by its command line, ended by a signal."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from nullstore.exceptions import LocalServerError
from nullstore.localdb.account import Account
from nullstore.localdb.files import write_private

#: https://www.postgresql.org/docs/current/server-shutdown.html
SIGNALS: Final = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

#: Seconds. A fast shutdown waits for subscribers; a dead one is given up after wal_sender_timeout, 60 s.
STOP_TIMEOUT: Final = 90.0


def pid_of(data: Path) -> int | None:
    """The process id of the server that runs on `data`; None if none does, whatever postmaster.pid says."""
    pid = _written_pid(data)
    return pid if pid is not None and _runs_on(pid, data) else None


def stop(data: Path, mode: str = "fast", timeout: float = STOP_TIMEOUT) -> bool:
    """Stop the server that runs on `data` and wait until it has gone; return whether one ran.

    Raises LocalServerError if it is still there after `timeout` seconds.
    """
    pid = pid_of(data)
    if pid is None:
        return False
    try:
        os.kill(pid, SIGNALS[mode])
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + timeout
    while _runs_on(pid, data):
        if time.monotonic() > deadline:
            raise LocalServerError(
                f"The server on {data} (process {pid}) has not stopped within {timeout:g} seconds. Look into "
                f"{data.parent / 'log'}, or end it at once with: kill -QUIT {pid} (it recovers when it starts again)."
            )
        time.sleep(0.02)
    return True


def disown_foreign_pid(data: Path, account: Account) -> None:
    """Mend a postmaster.pid left by a reboot whose process id now belongs to another program.

    PostgreSQL would take that program for a server and refuse to start. The file is not deleted, because it names
    the shared memory by which PostgreSQL finds survivors of a crash: the id is replaced by that of this process,
    which PostgreSQL passes over as its own starter (CreateLockFile in miscinit.c).
    """
    pid = _written_pid(data)
    if pid is None or not _exists(pid) or _runs_on(pid, data):
        return
    path = data / "postmaster.pid"
    _, _, rest = path.read_text(encoding="utf-8").partition("\n")
    write_private(path, f"{os.getpid()}\n{rest}", account)


def _written_pid(data: Path) -> int | None:
    try:
        first_line = (data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0]
        return abs(int(first_line)) or None  # negative for a single-user backend
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    return True


def _runs_on(pid: int, data: Path) -> bool:
    """Whether process `pid` was started as `postgres -D data`."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[0].endswith(b"postgres") and os.fsencode(data) in words
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return False
    # macOS has no /proc.
    done = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return f"-D {data}" in done.stdout
