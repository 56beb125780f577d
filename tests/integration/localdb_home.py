"""What the tests of localdb share: a place of their own, and the command as a user runs it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from nullstore import conf
from nullstore.localdb.binaries import programs_for_servers
from nullstore.localdb.server import LocalServer
from tests.servers import FAST, free_ports

CHECKOUT = Path(__file__).resolve().parents[2]
PASSWORD = "pass:word\\with@#?/%signs"
QUICK = {**FAST, "shared_buffers": "16MB"}


def eventually(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


@contextmanager
def open_folder():
    """A new folder that every user can enter, which pytest's tmp_path is not for root's servers."""
    folder = Path(tempfile.mkdtemp(prefix="nullstore-localdb-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Home:
    """A local pair of the tests' own, driven by manage.py."""

    def __init__(self, directory):
        self.directory = directory
        self.ports = dict(zip(("erebus", "agents"), free_ports(2), strict=True))
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "NULLSTORE_ENV_FILE": "",
            "NULLSTORE_LOCALDB_DIR": str(directory),
            "NULLSTORE_PG_BINDIR": str(conf.pg_bindir() or ""),
        }
        for alias, port in self.ports.items():
            self.set_url(alias, port)

    def set_url(self, alias, port, password=PASSWORD):
        url = f"postgres://postgres:{quote(password, safe='')}@127.0.0.1:{port}/{alias}"
        self.environment[f"{alias.upper()}_DATABASE_URL"] = url

    def command(self, *arguments):
        return [sys.executable, CHECKOUT / "manage.py", "localdb", *arguments]

    def run(self, *arguments, code=0):
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done

    def connect(self, alias, **changed):
        parameters = {"password": PASSWORD, "dbname": alias, "port": self.ports[alias], **changed}
        return psycopg.connect(host="127.0.0.1", user="postgres", connect_timeout=5, autocommit=True, **parameters)

    def data(self, alias):
        return self.directory / "servers" / alias / "data"


@contextmanager
def a_home():
    with open_folder() as folder:
        home = Home(folder / "home")
        try:
            yield home
        finally:
            if home.directory.exists():
                home.run("reset", "--no-input")


@contextmanager
def a_server(**changed):
    """One quick server, not started yet, and the programs to start it with."""
    with open_folder() as folder:
        parameters = {
            "directory": folder / "server",
            "host": "127.0.0.1",
            "port": free_ports(1)[0],
            "user": "postgres",
            "password": PASSWORD,
            "databases": ("erebus",),
            "aliases": ("erebus",),
            "extra_settings": QUICK,
            **changed,
        }
        server = LocalServer(**parameters)
        try:
            yield server, programs_for_servers(conf.pg_bindir(), folder / "programs")
        finally:
            server.stop("immediate")
            assert not server.is_running()
