"""Starting the server's process, and finding out why it did not start."""

import time
from pathlib import Path
from typing import Final

from nullstore.exceptions import LocalServerError
from nullstore.localdb.account import Account
from nullstore.localdb.binaries import Programs
from nullstore.localdb.files import advice_on_disk
from nullstore.localdb.folders import make_server_folder

_START_LOG: Final = "start.log"
#: The server's last words there, when its log collector takes over.
_HANDED_OVER: Final = "redirecting log output to logging collector process"
#: Seconds for what a killed server left running to go away.
_SURVIVORS_TIMEOUT: Final = 10.0


def launch(programs: Programs, account: Account, data: Path, title: str, timeout: float) -> None:
    """Start a server on `data`, in a session of its own so that a terminal's Ctrl-C does not reach it.

    `timeout` (seconds) bounds the wait until it is ready. Raises LocalServerError with the end of its log.
    """
    deadline = time.monotonic() + _SURVIVORS_TIMEOUT
    while True:
        log = _fresh_log(data, account)
        # pg_ctl calls setsid() and hands the server over to init. -w waits until the server is ready.
        options: list[str | Path] = ["-w", "-t", str(int(timeout)), "-D", data, "-l", log]
        done = account.run([programs.bindir / "pg_ctl", "start", *options], cwd=data, timeout=timeout + 30)
        if done.returncode == 0:
            return
        said = log_tail(data) or f"\n{done.stderr.strip()}"
        if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
            raise LocalServerError(f"{title} did not start.{said}{advice_on_disk(data)}")
        time.sleep(0.1)  # children of a killed server are still about to end


def log_tail(data: Path, lines: int = 8) -> str:
    """The end of what the server on `data` has logged since it was last started, and where; "" if nothing."""
    log = data.parent / "log" / _START_LOG
    if not log.exists() or not log.stat().st_size:
        return ""
    if _HANDED_OVER in log.read_text(encoding="utf-8", errors="replace"):
        log = max(log.parent.glob("server-*.log"), key=lambda path: path.stat().st_mtime_ns, default=log)
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        tail = file.read().decode("utf-8", "replace").splitlines()[-lines:]
    return "\n".join([f"\nThe end of its log {log}:", *tail])


def _fresh_log(data: Path, account: Account) -> Path:
    """The file for what the server says before its log collector runs; emptied at each start."""
    folder = data.parent / "log"
    make_server_folder(folder, account)
    log = folder / _START_LOG
    log.unlink(missing_ok=True)
    return log
