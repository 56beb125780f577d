"""The peak of this process's resident memory, from Linux's /proc."""

from collections.abc import Callable
from pathlib import Path


def peak_while(act: Callable[[], object]) -> float:
    """Return the highest resident memory (MiB) while `act` runs."""
    # https://www.man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html: 5 resets the peak (since Linux 4.0).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    act()
    return peak()


def peak() -> float:
    """Return the highest resident memory (MiB) since the start or the last reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024
