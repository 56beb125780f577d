"""pg_dump and pg_restore: found by the server's major version, and run without a password in their arguments."""

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import make_conninfo

from nullstore import conf
from nullstore.exceptions import BackupError
from nullstore.localdb.binaries import wheel_bindir
from nullstore.replication.conninfo import without_secrets

#: Where packages put the programs of a major version: Debian, Red Hat, Homebrew.
_PLACES: Final = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
)
#: What libpq takes and Django's settings have, without the password.
_PARAMETERS: Final = ("host", "port", "user", "connect_timeout", "sslmode", "sslrootcert", "sslcert", "sslkey")
_KEPT_LINES: Final = 20
#: What tells why, among the many lines that the programs write when told to be verbose.
_WRONG: Final = re.compile(r"\b(error|fatal|detail|hint): ", re.IGNORECASE)

Line = Callable[[str], None]


def find(name: str, major: int) -> Path:
    """Return the program `name` of PostgreSQL `major`. Raises BackupError if it is nowhere to be found.

    Of that version and no other: an older pg_dump refuses the server, and what a newer one writes need not be read by
    it (https://www.postgresql.org/docs/18/app-pgdump.html, Notes).
    """
    for folder in _folders(major):
        program = folder / name
        if os.access(program, os.X_OK) and _major(program) == major:
            return program
    raise BackupError(
        f"There is no {name} of PostgreSQL {major}, which is what the server runs. Install it (on Debian: "
        f"apt install postgresql-client-{major}), or set NULLSTORE_PG_BINDIR to the folder that has it."
    )


def run(program: Path, arguments: Sequence[str], parameters: dict[str, Any], *, line: Line, keep_open: int) -> None:
    """Run a program against the database of these connection parameters; `line` gets what it says on stderr.

    The password goes by the environment. `keep_open` is a file descriptor that the program and its children hold open
    too: a lock on it lasts until the last of them has ended. Raises BackupError with the last lines if it fails.
    """
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    wrong: deque[str] = deque(maxlen=_KEPT_LINES)
    with _running([str(program), *arguments, "--dbname", _conninfo(parameters)], parameters, keep_open) as process:
        assert process.stderr is not None
        for each in process.stderr:
            text = each.rstrip()
            (wrong if _WRONG.search(text) else said).append(text)
            line(text)
        code = process.wait()
    if code:
        lines = without_secrets("\n".join(wrong or said))
        raise BackupError(f"{program.name} ended with {code}:\n{lines}")


@contextmanager
def _running(command: list[str], parameters: dict[str, Any], keep_open: int) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PGPASSWORD": str(parameters.get("password") or "")}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(keep_open,),
        # Ctrl-C is for us to hand on, once.
        process_group=0,
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def _conninfo(parameters: dict[str, Any]) -> str:
    known = {name: parameters[name] for name in (*_PARAMETERS, "dbname") if parameters.get(name) is not None}
    return make_conninfo(**known, application_name="nullstore backup")


def _folders(major: int) -> Iterator[Path]:
    if (installed := conf.pg_bindir()) is not None:
        yield installed
    if (wheel := wheel_bindir()) is not None:
        yield wheel
    if (found := shutil.which("pg_dump")) is not None:
        yield Path(found).parent
    yield from (Path(place.format(major)) for place in _PLACES)


def _major(program: Path) -> int | None:
    """Ask the program, which says "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(found[1]) if found else None
