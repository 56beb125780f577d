"""The disk of the subscriber is full."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.clusters import FaultPair
from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.injections import MEGABYTE, limit_file_size
from tests.faults.scenarios import subject
from tests.faults.transactions import write_much
from tests.integration.replicas import wait_for

scenario = subject(__name__, "Disk of the subscriber")
FREE_SPACE = "free space; the rest heals by itself"


@pytest.fixture
def small_disk(clean_pair: FaultPair) -> Iterator[Path]:
    """The data directory of agents on a disk of its own, of 200 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    server = clean_pair.server("agents")
    clean_pair.stop("agents")
    clean_pair.keep("agents", "disk")
    options = f"size=200m,mode=0700,uid={server.data.stat().st_uid},gid={server.data.stat().st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "nullstore-faults", server.data], check=True)
    try:
        subprocess.run(["cp", "-a", f"{clean_pair.copies / 'agents-disk'}/.", server.data], check=True)
        clean_pair.start("agents")
        yield server.data
    finally:
        clean_pair.stop("agents", mode="immediate")
        subprocess.run(["umount", "--lazy", server.data], check=True)


@pytest.mark.slow
@scenario(
    "disk of agents full",
    injected="the file system of its data directory filled to the last byte",
    verdict="broken",
    codes=("apply_errors",),
    mend=FREE_SPACE,
)
def test_the_disk_is_full(fault: Fault, small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with fault.writing() as journal:
        write_much(2)
        fault.shows()
        (small_disk / "ballast").unlink()
        fault.ends()
        if not fault.pair.server("agents").is_running():
            fault.pair.start("agents")
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "disk of agents full, and a resync tried on it",
    injected="the same; manage.py replication resync fails half way and leaves the subscription as it was",
    verdict="broken",
    codes=("apply_errors",),
    mend=FREE_SPACE,
)
def test_resync_on_a_full_disk(fault: Fault, small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with fault.writing() as journal:
        write_much(2)
        assert manage("replication resync --no-input").code == 2
        fault.shows()
        (small_disk / "ballast").unlink()
        fault.ends()
        if not fault.pair.server("agents").is_running():
            fault.pair.start("agents")
        fault.equal(journal)


def fill(ballast: Path) -> None:
    """Write until there is no space left."""
    with ballast.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    assert os.statvfs(ballast).f_bfree == 0


@pytest.mark.slow
@scenario(
    "largest file of agents reached",
    injected="its processes may write no file larger than 20 MB (RLIMIT_FSIZE)",
    verdict="broken",
    codes=("apply_errors",),
    mend=FREE_SPACE,
)
def test_the_file_size_is_limited(fault: Fault) -> None:
    limit_file_size(fault.pair.server("agents"), f"{20 * MEGABYTE}:")
    SQL["agents"].run("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription")  # the next worker inherits it
    with fault.writing() as journal:
        write_much(25)
        fault.shows()
        limit_file_size(fault.pair.server("agents"), "unlimited:")
        fault.ends()
        fault.equal(journal)


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 12], ids=["at once", "half way"])
def test_a_restore_onto_a_full_disk_is_undone_and_done_again(
    clean_pair: FaultPair, small_disk: Path, tmp_path: Path, free: int
) -> None:
    """What is there goes on, and the next run ends it."""
    write_much(8)
    assert manage("replication wait --timeout 60").code == 0
    backup = tmp_path / "backup"
    assert manage(f"backup {backup}").code == 0
    SQL["erebus"].run("INSERT INTO user_references (source_identifier, network) VALUES ('later', 'email')")
    fill(small_disk / "ballast")
    os.truncate(small_disk / "ballast", (small_disk / "ballast").stat().st_size - free * MEGABYTE)
    failed = manage(f"restore {backup} --no-input")
    assert failed.code == 2
    # Where there is no room for the WAL, the server ends its sessions and recovers.
    assert re.search("No space left on device|server closed the connection|recovery", failed.err), failed.err
    (small_disk / "ballast").unlink()
    if not clean_pair.server("agents").is_running():
        clean_pair.start("agents")
    wait_for(lambda: manage("replication wait --timeout 10").code == 0)
    assert manage("replication verify").code == 0
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'later'") == 1
    again = manage(f"restore {backup} --no-input")
    assert again.code == 0, again.err
    assert SQL["agents"].value("SELECT count(*) FROM user_references WHERE source_identifier = 'later'") == 0
    assert manage("restore --drop-kept --no-input").code == 0
    found = "SELECT count(*) FROM pg_database WHERE datname ~ '_(restore|before)_'"
    assert SQL["agents"].value(found) == SQL["erebus"].value(found) == 0
