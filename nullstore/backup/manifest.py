"""The manifest of a backup: what it is of, what its files are, and what the databases must hold once restored."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from nullstore.backup.access import Access
from nullstore.backup.content import Content
from nullstore.exceptions import BackupError, DamagedBackup

NAME: Final = "manifest.json"
#: Changes when an older nullstore could not restore what a newer one writes.
FORMAT: Final = 1
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a dump. `size` is in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Locale:
    """How a database sorts and stores text, in the words of CREATE DATABASE."""

    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None


@dataclass(frozen=True, slots=True)
class Dump:
    """One database of a backup, as it was at one moment. `lsn` is a moment at or before that one.

    `migrations` are the last applied ones of each app, `roles` those that own, are granted or have set something,
    `settings` what was set for the database: role ("" for all), parameter, value. `tables` are as SQL spells them.
    """

    database: str
    server_version: str
    system_identifier: str
    lsn: str
    locale: Locale
    access: Access
    migrations: dict[str, list[str]]
    roles: list[str]
    settings: list[tuple[str, str, str]]
    tables: dict[str, Content]
    files: dict[str, File]

    @property
    def major(self) -> int:
        """18 of "18.6"."""
        return int(self.server_version.split(".")[0])

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(file.size for file in self.files.values())

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        return cls(
            **{
                **value,
                "locale": Locale(**value["locale"]),
                "access": Access.of(value["access"]),
                "tables": {name: Content(*each) for name, each in value["tables"].items()},
                "files": {name: File(**each) for name, each in value["files"].items()},
            }
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole backup. Times are in ISO 8601, UTC; `databases` are by alias."""

    environment: str
    started_at: str
    finished_at: str
    databases: dict[str, Dump]

    def write(self, folder: Path) -> None:
        """Write it into the folder of the backup, with a checksum of its own."""
        content = {"format": FORMAT, **asdict(self)}
        text = json.dumps({**content, "checksum": _checksum(content)}, indent=2)
        (folder / NAME).write_text(f"{text}\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the manifest of the backup in `folder`. Raises BackupError if there is none, DamagedBackup."""
        path = folder / NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BackupError(f"{folder} is no backup: it has no {NAME}.") from None
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
        except ValueError:
            raise DamagedBackup(f"{path} is damaged: it is no JSON.") from None
        return cls._of(path, content)

    @classmethod
    def _of(cls, path: Path, content: Any) -> Self:
        if not isinstance(content, dict) or content.pop("checksum", None) != _checksum(content):
            raise DamagedBackup(f"{path} is damaged, or was changed: its checksum does not fit.")
        if (number := content.pop("format")) != FORMAT:
            raise BackupError(f"{path} is of format {number}; this nullstore reads format {FORMAT}.")
        return cls(**{**content, "databases": {alias: Dump.of(dump) for alias, dump in content["databases"].items()}})


def files_of(folder: Path) -> dict[str, File]:
    """Return size and SHA-256 of each file in `folder`."""
    return {path.name: File(path.stat().st_size, sha256(path)) for path in sorted(folder.iterdir())}


def faults(folder: Path, alias: str, dump: Dump) -> Iterator[str]:
    """Say, file by file, what is not as the manifest has it."""
    there = {path.name for path in (folder / alias).iterdir()} if (folder / alias).is_dir() else set()
    for name, file in dump.files.items():
        path = folder / alias / name
        if name not in there:
            yield f"{alias}/{name} is missing."
        elif (size := path.stat().st_size) != file.size:
            yield f"{alias}/{name} has {size:,} bytes, and had {file.size:,}."
        elif sha256(path) != file.sha256:
            yield f"{alias}/{name} has other content than it had."
    for name in sorted(there - dump.files.keys()):
        yield f"{alias}/{name} does not belong to the backup."


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file's content, in hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _checksum(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
