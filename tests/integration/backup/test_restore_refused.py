"""What manage.py restore refuses, and that nothing has changed then."""

import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connections
from pytest_django import Settings

from nullstore.backup.server import alone_on, servers
from nullstore.databases import ALIASES
from nullstore.replication.connect import connect
from tests.integration.backup.backups import backup, command, databases, names, restore, users
from tests.integration.replicas import add_user, assert_replicated, wait_until_replicated
from tests.servers import PASSWORD


@pytest.fixture
def saved(committed_pair: None, tmp_path: Path) -> Path:
    """A backup of ann; bob came since."""
    add_user("ann")
    wait_until_replicated(30)
    backup(tmp_path / "saved")
    add_user("bob")
    return tmp_path / "saved"


@pytest.fixture(autouse=True)
def nothing_changed(saved: Path) -> Iterator[None]:
    yield
    assert users() == ["ann", "bob"]
    assert names("erebus") == names("agents") == [""]
    assert_replicated(2)


def edit(folder: Path, **changed: Any) -> None:
    """Change the manifest, and its checksum."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest.pop("checksum")
    for name, value in changed.items():
        whose = manifest if name in manifest else manifest["databases"]["erebus"]
        whose[name] = value
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps({**manifest, "checksum": hashlib.sha256(canonical.encode()).hexdigest()}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"environment": "another"}, "of the environment another.*--force"),
        (
            {"migrations": {"erebus_app": ["9999_later"]}},
            "migrations that this checkout does not know: erebus_app.9999",
        ),
        ({"server_version": "99.1"}, "made on PostgreSQL 99.1.*cannot be restored into an older server"),
        ({"format": 99}, "format 99"),
    ],
    ids=["environment", "migrations", "server", "format"],
)
def test_a_backup_that_does_not_fit(saved: Path, changed: dict[str, Any], said: str) -> None:
    edit(saved, **changed)
    with pytest.raises(CommandError, match=said):
        restore(saved)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_damaged_file(saved: Path, alias: str) -> None:
    file = max((saved / alias).iterdir(), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(CommandError, match=f"{alias}/{file.name} has other content"):
        restore(saved)


def test_content_that_is_not_the_manifests(saved: Path) -> None:
    """As after a change of how a type is restored: files as they were, rows not."""
    tables = json.loads((saved / "manifest.json").read_text())["databases"]["erebus"]["tables"]
    edit(saved, tables={**tables, "public.user_references": [1, "0" * 32]})
    with pytest.raises(CommandError, match=r"not what was dumped, in public\.user_references"):
        restore(saved)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_database_in_use(saved: Path, alias: str) -> None:
    with (
        closing(connect(alias, application_name="a service")),
        pytest.raises(CommandError, match=f"{alias} .* is in use by a service as postgres.*--disconnect") as caught,
    ):
        restore(saved)
    assert caught.value.returncode == 1


def test_a_replication_role_with_another_password(saved: Path, settings: Settings) -> None:
    settings.REPLICATION_PASSWORD = "not-the-one-that-the-role-has"
    with pytest.raises(CommandError, match="exists on this server with another password"):
        restore(saved)


def test_another_run(saved: Path) -> None:
    with servers(ALIASES) as there, alone_on(there), pytest.raises(CommandError, match="Another run is restoring"):
        restore(saved)


def test_without_a_terminal_and_without_no_input(saved: Path) -> None:
    with pytest.raises(CommandError, match="add --no-input"):
        command("restore", saved)


@pytest.mark.parametrize("words", [[], ["folder", "--resume"], ["--resume", "--abort"]])
def test_neither_a_folder_nor_what_to_do_instead(words: list[str]) -> None:
    with pytest.raises(CommandError):
        command("restore", *words, no_input=True)


def test_the_name_is_to_be_typed(saved: Path) -> None:
    code, said = at_a_terminal(saved, "yes\n")
    assert code == 1
    assert "the database {NAME} at {HOST}:{PORT}".format(**connections["erebus"].settings_dict) in said
    assert "Nothing was changed" in said
    assert PASSWORD not in said


def at_a_terminal(folder: Path, typed: str) -> tuple[int, str]:
    """Run restore with somebody at the keyboard; return its exit code and what they saw."""
    keyboard, terminal = pty.openpty()
    connections.close_all()
    try:
        os.write(keyboard, typed.encode())
        run = subprocess.run(
            [sys.executable, "manage.py", "restore", folder],
            env={**os.environ, **databases()},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    return run.returncode, run.stdout + run.stderr
