import contextlib
import glob
import os
import re
import resource
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from nullstore.exceptions import LocalServerError
from nullstore.localdb import postmaster
from nullstore.localdb.account import server_account
from tests.integration.disks import fill_up, small_disk
from tests.integration.localdb_home import PASSWORD, a_home, a_server, eventually, open_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh():
    with a_server() as (server, programs):
        yield server, programs


@pytest.fixture
def running(fresh):
    server, programs = fresh
    server.start(programs)
    return server, programs


@contextlib.contextmanager
def listening_on(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


@contextlib.contextmanager
def bystander(server):
    """A process of the servers' own user that has nothing to do with PostgreSQL."""
    account = server_account(server.directory)
    to_run_as = {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["/bin/sleep", "600"], cwd="/", **to_run_as) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def crash(server):
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: not server.is_running(), "the killed server is gone")


def logins(server):
    with server.connect("erebus") as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_port_in_use_is_named_with_the_variable_to_change():
    with a_home() as pair:
        with listening_on(pair.ports["agents"]):
            error = pair.run("start", code=2).stderr
        assert f"Port {pair.ports['agents']} on 127.0.0.1 is taken" in error
        assert "AGENTS_DATABASE_URL" in error
        assert "EREBUS_DATABASE_URL" not in error
        assert not pair.data("agents").exists()
        said = pair.run("start").stdout
        assert "running already" in said
        assert "made and started" in said


def test_a_server_killed_under_load_comes_back_with_what_was_committed(running):
    server, programs = running
    with server.connect("erebus") as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        crash(server)
        assert server.start(programs) == "started"
    with server.connect("erebus") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_survivors_of_a_killed_server_are_waited_for(running):
    server, programs = running
    with server.connect("erebus") as connection, ThreadPoolExecutor() as pool:
        survivor = connection.info.backend_pid
        os.kill(survivor, signal.SIGSTOP)
        crash(server)
        restart = pool.submit(server.start, programs)
        log = server.directory / "log" / "start.log"
        try:
            eventually(
                lambda: log.exists() and "shared memory block" in log.read_text(), "PostgreSQL sees the survivor"
            )
        finally:
            os.kill(survivor, signal.SIGCONT)
        assert restart.result() == "started"


def test_a_process_id_left_by_a_reboot_that_another_program_has_now(running):
    server, programs = running
    crash(server)
    left = server.data / "postmaster.pid"
    _, _, rest = left.read_text().partition("\n")
    with bystander(server) as pid:
        left.write_text(f"{pid}\n{rest}")
        assert server.pid is None
        assert server.stop() is False
        assert server.start(programs) == "started"
        assert logins(server)
        os.kill(pid, 0)


def test_start_killed_while_it_makes_the_data_is_mended_by_the_next():
    with a_home() as pair:
        with subprocess.Popen(
            pair.command("start"),
            env=pair.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as run:
            # Not pathlib's, which fails where a folder goes while it looks.
            begun = str(pair.directory / "servers/*/unfinished-*/data/base")
            eventually(lambda: glob.glob(begun), "initdb is at work")  # noqa: PTH207
            os.killpg(run.pid, signal.SIGKILL)
        assert not pair.data("agents").exists() or not pair.data("erebus").exists()
        pair.run("start")
        pair.connect("erebus").close()
        pair.connect("agents").close()
        assert list(pair.directory.glob("servers/*/unfinished-*")) == []


def test_a_half_made_data_directory_is_not_taken_for_one(fresh):
    server, programs = fresh
    account = server_account(server.directory)
    half = server.directory / "unfinished-of-a-killed-run"
    (half / "data" / "base").mkdir(parents=True)
    (half / "password").write_text(PASSWORD)
    for folder in (server.directory, half):
        os.chown(folder, account.uid, account.gid)
    assert server.start(programs) == "made and started"
    assert not half.exists()


def test_data_of_another_version_is_refused_with_both_versions(running):
    server, programs = running
    server.stop()
    (server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(LocalServerError) as caught:
        server.start(programs)
    for words in ("was made by PostgreSQL 14", f"PostgreSQL {programs.version}", "NULLSTORE_PG_BINDIR", "reset"):
        assert words in str(caught.value)


def test_another_password_than_the_datas_is_a_clear_error(running):
    server, programs = running
    other = replace(server, password="hush-hush")
    with pytest.raises(LocalServerError) as caught:
        other.start(programs)
    assert "refuses user 'postgres' with the password in EREBUS_DATABASE_URL" in str(caught.value)
    assert "hush-hush" not in str(caught.value) + repr(other)
    assert server.start(programs) == "running already"


@pytest.mark.parametrize("megabytes", [1, 20, 40])
def test_a_disk_too_full_to_make_the_data_is_named(megabytes):
    with open_folder() as folder, small_disk(folder / "disk", megabytes) as directory:
        with a_server(directory=directory) as (server, programs), pytest.raises(LocalServerError) as caught:
            server.start(programs)
        assert re.search("No space left on device|Check free disk space", str(caught.value))
        assert f"The disk of {directory} has only" in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert list(directory.glob("unfinished-*")) == []


def test_a_disk_that_has_become_full_is_named_at_the_next_start():
    with (
        open_folder() as folder,
        small_disk(folder / "disk", 200) as directory,
        a_server(directory=directory) as (server, programs),
    ):
        server.start(programs)
        server.stop()
        fill_up(folder / "disk" / "filler")
        with pytest.raises(LocalServerError, match=r"No space left on device|has only 0 MB left"):
            server.start(programs)
        (folder / "disk" / "filler").unlink()
        assert server.start(programs) == "started"


def test_what_initdb_says_is_shown(fresh):
    server, programs = fresh
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limit[1]))
    try:
        with pytest.raises(LocalServerError, match=r"initdb could not make[^\n]*\n.*File (too large|size limit)"):
            server.start(programs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [entry.name for entry in server.directory.iterdir()] == []
    assert server.start(programs) == "made and started"


def test_a_server_that_cannot_start_shows_the_end_of_its_log(running):
    server, programs = running
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(LocalServerError, match='unrecognized configuration parameter "no_such_setting"'):
        server.start(programs)


def test_a_server_that_does_not_stop_in_time_is_named(running):
    server, _ = running
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(LocalServerError, match=rf"process {pid}\) has not stopped within 0.5 seconds"):
            server.stop(timeout=0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert server.stop() is True or not server.is_running()


def test_stopping_what_does_not_run_is_no_error(fresh):
    server, _ = fresh
    assert server.stop() is False
    assert postmaster.pid_of(server.data) is None


def test_the_password_is_not_in_the_representation(fresh):
    server, _ = fresh
    assert PASSWORD not in repr(server)
