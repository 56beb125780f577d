"""Taking a backup of both databases while they are in use."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from nullstore import conf
from nullstore.backup import facts, programs
from nullstore.backup.access import read_access
from nullstore.backup.content import Content, Keys, content, tables
from nullstore.backup.folder import Workplace, completed
from nullstore.backup.manifest import Dump, Manifest, files_of
from nullstore.backup.progress import Counter, Progress
from nullstore.databases import AGENTS, EREBUS
from nullstore.replication import catalog
from nullstore.replication.compare.ends import open_end
from nullstore.replication.connect import parameters_of

#: Agents first: each user whom a task of the dump names is then in erebus's dump too, or was deleted in between, which
#: a restore sees to. The other way round, users made in between would be missing.
_ORDER: Final = (AGENTS, EREBUS)
_BEGINS: Final = "dumping contents of table "
#: How long pg_dump waits for the lock of a migration, in milliseconds. Behind it everybody else would wait.
_LOCK_TIMEOUT: Final = 10_000


def backup(target: Path, *, jobs: int, progress: Progress) -> Manifest:
    """Write a backup of both databases into the folder `target`, which must not exist; return its manifest.

    Each is dumped as it is at one moment, by `jobs` processes at once; users and services go on meanwhile. Raises
    BackupError and leaves nothing that looks like a backup.
    """
    started = datetime.now(UTC)
    found = {alias: _pg_dump(alias) for alias in _ORDER}
    with completed(target) as workplace:
        dumps = {alias: _dump(alias, found[alias], workplace, jobs, progress) for alias in _ORDER}
        made = Manifest(
            environment=conf.environment(),
            started_at=started.isoformat(timespec="seconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            databases=dumps,
        )
        made.write(workplace.folder)
    return made


def _pg_dump(alias: str) -> Path:
    with closing(open_end(alias)) as connection:
        return programs.find("pg_dump", connection.info.server_version // 10_000)


def _dump(alias: str, pg_dump: Path, workplace: Workplace, jobs: int, progress: Progress) -> Dump:
    with closing(open_end(alias)) as connection:
        # What is dumped and what is hashed is one snapshot.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        lsn = facts.position(connection)
        there = tables(connection)
        arguments = _arguments(connection, workplace.folder / alias, jobs)
        counter = Counter(f"{alias}: dumping", len(there), _BEGINS, progress)
        with _hashed_beside(connection, there) as contents:
            programs.run(pg_dump, arguments, parameters_of(alias), line=counter.line, keep_open=workplace.lock)
            progress(f"{alias}: hashing", len(there), len(there))
        return Dump(
            database=str(parameters_of(alias)["dbname"]),
            server_version=facts.version(connection),
            system_identifier=catalog.system_identifier(connection),
            lsn=lsn,
            locale=facts.locale(connection),
            access=read_access(connection),
            migrations=facts.heads(connection),
            roles=facts.roles(connection),
            settings=facts.settings(connection),
            tables=contents.result(),
            files=files_of(workplace.folder / alias),
        )


def _arguments(connection: psycopg.Connection, folder: Path, jobs: int) -> list[str]:
    """Return pg_dump's arguments for what `connection` sees."""
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    return [
        "--format=directory",
        f"--file={folder}",
        f"--jobs={jobs}",
        f"--snapshot={row[0]}",
        f"--lock-wait-timeout={_LOCK_TIMEOUT}",
        # It would hold the replication password, and a restored one would follow a slot that is not its own.
        "--no-subscriptions",
        "--no-password",
        "--verbose",
    ]


@contextmanager
def _hashed_beside(connection: psycopg.Connection, there: Keys) -> Iterator[Future[dict[str, Content]]]:
    """Hash all tables while the block lasts; at its end they are hashed. If it fails, hashing is given up."""
    with ThreadPoolExecutor(1) as pool:
        hashed = pool.submit(_contents, connection, there)
        try:
            yield hashed
            hashed.result()
        except BaseException:
            connection.cancel_safe(timeout=5)
            raise


def _contents(connection: psycopg.Connection, there: Keys) -> dict[str, Content]:
    return {f"{schema}.{name}": content(connection, schema, name, key) for (schema, name), key in there.items()}
