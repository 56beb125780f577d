"""manage.py backup: what is in the folder, what is not, and what becomes of it when something goes wrong."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connections

from nullstore import conf
from nullstore.backup import programs, take
from nullstore.backup.folder import completed
from nullstore.databases import ALIASES
from nullstore.localdb.binaries import wheel_bindir
from nullstore.replication.connect import connect
from tests.integration.backup.backups import backup, command, databases
from tests.integration.disks import fill_up, small_disk
from tests.integration.replicas import AGENTS_SQL, add_task, add_user, wait_for, wait_until_replicated
from tests.servers import PASSWORD, free_ports

pytestmark = pytest.mark.usefixtures("committed_pair")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a backup"


def test_says_what_it_holds(folder: Path) -> None:
    add_task(add_user("ann"))
    wait_until_replicated(30)
    said = backup(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["environment"] == said["environment"] == conf.environment()
    for alias, name in (("erebus", "user_references"), ("agents", "tasks")):
        dump = manifest["databases"][alias]
        assert dump["tables"][f"public.{name}"][0] == 1
        assert dump["database"] == connections[alias].settings_dict["NAME"]
        assert dump["migrations"][f"{alias}_app"]
        assert set(dump["files"]) == {path.name for path in (folder / alias).iterdir()}


def test_holds_no_password_and_no_subscription(folder: Path) -> None:
    add_user("ann")
    backup(folder)
    held = "".join(as_sql(folder / alias) for alias in ALIASES) + (folder / "manifest.json").read_text()
    assert "ann" in held
    for secret in (PASSWORD, conf.replication_password(), "SCRAM-SHA-256"):
        assert secret not in held
    assert "SUBSCRIPTION" not in held


def test_other_people_cannot_read_it(folder: Path) -> None:
    backup(folder)
    assert oct(folder.stat().st_mode & 0o777) == oct(0o700)


def test_a_folder_that_exists_is_refused(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(CommandError, match="exists"):
        backup(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("alias", ALIASES)
def test_a_table_that_somebody_locks_leaves_nothing(alias: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take, "_LOCK_TIMEOUT", 100)
    table = {"erebus": "wallets", "agents": "tasks"}[alias]
    with closing(connect(alias)) as other, other.transaction():
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CommandError, match="LOCK TABLE") as caught:
            backup(folder)
    assert caught.value.returncode == 2
    assert PASSWORD not in str(caught.value)
    assert list(folder.parent.iterdir()) == []
    backup(folder)


def test_a_dead_server_leaves_nothing(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections["erebus"].settings_dict, "PORT", str(free_ports(1)[0]))
        with pytest.raises(CommandError, match="erebus"):
            backup(folder)
    assert list(folder.parent.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as folder:
        fill_up(filler := tmp_path / "disk" / "filler")
        with pytest.raises(CommandError, match="No space left on device"):
            backup(folder)
        assert list((tmp_path / "disk").iterdir()) == [filler]


def test_a_pg_dump_of_another_version_is_refused_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that has those of another version only."""
    others = [folder for folder in (wheel_bindir(), Path("/usr/lib/postgresql/15/bin")) if folder]
    monkeypatch.setattr(programs, "_folders", lambda major: [each for each in others if not serves(each)])
    with pytest.raises(CommandError, match=r"There is no pg_dump of PostgreSQL \d+.*NULLSTORE_PG_BINDIR"):
        backup(folder)
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_that_looks_like_a_backup(folder: Path, ending: signal.Signals) -> None:
    with closing(connect("agents")) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [sys.executable, "manage.py", "backup", folder],
            env={**os.environ, **databases()},
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            wait_for(lambda: AGENTS_SQL.value("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))
            run.send_signal(ending)
            _, said = run.communicate(timeout=30)
        other.execute("ROLLBACK")
    assert run.returncode not in (0, 1)
    assert "Traceback" not in said
    assert not folder.exists()
    # What a killed one left is taken away by the next, once its pg_dump has noticed.
    wait_for(lambda: backed_up(folder))
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def backed_up(folder: Path) -> bool:
    try:
        backup(folder)
    except CommandError as error:
        if "Another run" not in str(error):
            raise
        return False
    return True


def test_two_at_once_on_the_same_folder(folder: Path) -> None:
    with completed(folder), pytest.raises(CommandError, match="Another run is writing"):
        backup(folder)


class TestCheck:
    @pytest.fixture
    def whole(self, folder: Path) -> Path:
        add_user("ann")
        backup(folder)
        return folder

    def test_a_whole_one(self, whole: Path) -> None:
        assert command("backup", whole, check=True)["databases"]["erebus"]["rows"] > 0

    def test_no_backup(self, folder: Path) -> None:
        folder.mkdir()
        with pytest.raises(CommandError, match="is no backup"):
            command("backup", folder, check=True)

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda file: file.write_bytes(file.read_bytes()[:-1]), "bytes, and had"),
            (lambda file: file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]), "other content"),
            (lambda file: file.unlink(), "is missing"),
            (lambda file: file.with_name("more").touch(), "does not belong"),
        ],
        ids=["shorter", "a bit", "gone", "one more"],
    )
    def test_a_damaged_file_is_named(self, whole: Path, damage: Callable[[Path], object], said: str) -> None:
        damage(whole / "erebus" / "toc.dat")
        with pytest.raises(CommandError, match=f"erebus/.*{said}") as caught:
            command("backup", whole, check=True)
        assert caught.value.returncode == 1

    @pytest.mark.parametrize(("text", "said"), [("{", "no JSON"), ("[]", "checksum"), ('{"format": 1}', "checksum")])
    def test_a_damaged_manifest(self, whole: Path, text: str, said: str) -> None:
        (whole / "manifest.json").write_text(text)
        with pytest.raises(CommandError, match=said):
            command("backup", whole, check=True)


def serves(folder: Path) -> bool:
    """Whether the server of the test runs from the programs in this folder's version."""
    with closing(connect("erebus")) as connection:
        return programs._major(folder / "pg_dump") == connection.info.server_version // 10_000


def as_sql(dump: Path) -> str:
    """What the dump would be in plain SQL."""
    with closing(connect("erebus")) as connection:
        program = programs.find("pg_restore", connection.info.server_version // 10_000)
    return subprocess.run([program, "--file=-", dump], check=True, capture_output=True, text=True).stdout
