"""What a machine is, as far as figures depend on it."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


def describe() -> str:
    """Return processor, memory and versions in one line; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, PostgreSQL {_postgresql()}, Django {version('Django')}, "
        f"psycopg {version('psycopg')}"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _postgresql() -> str:
    from nullstore.localdb.binaries import find_bindir

    named = os.environ.get("NULLSTORE_PG_BINDIR")
    postgres = find_bindir(Path(named) if named else None) / "postgres"
    return subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
