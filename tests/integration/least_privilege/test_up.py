"""What `make up` makes of a fresh checkout: a pair, both roles of each database, and a web process that is no owner."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import psycopg
import pytest

from nullstore import conf
from nullstore.dburl import parse_database_url
from tests.integration.localdb_home import CHECKOUT, open_folder
from tests.integration.replicas import wait_for
from tests.servers import free_ports

pytestmark = pytest.mark.slow

ALIASES: Final = ("erebus", "agents")
PASSWORD: Final = "correct-horse-battery"
TASKS: Final = "/admin/agents_app/task/"
LOG_IN: Final = """
import django; django.setup()
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from nullstore.replication.health import health
client = Client(HTTP_HOST="localhost")
form = {"username": "admin", "password": "correct-horse-battery", "next": "/admin/"}
assert client.post("/admin/login/", form).status_code == 302
for path in ("", "replication/", "agents_app/task/", "erebus_app/userreference/"):
    assert client.get(f"/admin/{path}").status_code == 200, path
for alias in ("erebus", "agents"):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user::text FROM user_references LIMIT 1")
        print(*cursor.fetchone())
seen = health(2.0)
print(seen.verdict, [problem.code for problem in seen.problems], [each.what for each in seen.unseen])
"""


def steps() -> list[list[str]]:
    """The commands of the Makefile's target `up`."""
    target = re.search(r"^up:.*\n((?:\t.*\n)+)", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert target is not None
    found = re.findall(r"^\t@\$\(MANAGE\) (.+)$", target[1], re.MULTILINE)
    assert found[0] == "init_env"
    return [line.split() for line in found]


class Checkout:
    """A .env and a pair of servers of their own, driven by manage.py."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "env"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "nullstore.settings",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "NULLSTORE_ENV_FILE": str(self.file),
            "NULLSTORE_LOCALDB_DIR": str(folder / "home"),
            "NULLSTORE_PG_BINDIR": str(conf.pg_bindir() or ""),
        }

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **more}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def python(self, *arguments: str, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def manage(self, *arguments: str) -> str:
        return self.python("manage.py", *arguments)

    def move_to(self, ports: dict[str, int]) -> None:
        """Have the URLs of the file name other ports, as who has something else on the usual ones does."""
        text = self.file.read_text()
        for default, alias in ((5440, "erebus"), (5441, "agents")):
            text = text.replace(f":{default}/", f":{ports[alias]}/")
        self.file.write_text(text)

    def urls(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.file.read_text().splitlines() if "_URL=" in line)


@pytest.fixture(scope="module")
def up() -> Iterator[Checkout]:
    """A checkout after `make up`."""
    with open_folder() as folder:
        checkout = Checkout(folder)
        ports = dict(zip(ALIASES, free_ports(2), strict=True))
        try:
            for step in steps():
                checkout.manage(*step)
                if step == ["init_env"]:
                    checkout.move_to(ports)
            yield checkout
        finally:
            checkout.manage("localdb", "reset", "--no-input")


def test_the_web_process_is_the_runtime_role_and_sees_everything(up: Checkout) -> None:
    owners = {f"{alias.upper()}_OWNER_URL": up.urls()[f"{alias.upper()}_OWNER_URL"] for alias in ALIASES}
    addresses = {name: re.sub("//.*@", "//", url) for name, url in owners.items()}
    for known in ({}, dict.fromkeys(owners, ""), addresses):
        *roles, verdict = up.python("-c", LOG_IN, **known).splitlines()
        assert roles == ["erebus_web", "agents_web"]
        # That has the replication password in it.
        assert verdict == "ok [] ['the connection string that the subscription stores']"


def test_a_command_that_needs_an_owner_who_is_not_named_says_so(up: Checkout) -> None:
    url = re.sub("//.*@", "//", up.urls()["AGENTS_OWNER_URL"])
    for command in (["replication", "status"], ["migrate"], ["ensure_runtime_role", "--dry-run"]):
        done = up.run("manage.py", *command, AGENTS_OWNER_URL=url)
        assert done.returncode == 2
        assert "AGENTS_OWNER_URL names no user" in done.stderr


def test_the_roles_of_the_file_log_in_and_have_exactly_their_rights(up: Checkout) -> None:
    urls = up.urls()
    assert len(set(urls.values())) == 4
    for alias in ALIASES:
        web = parse_database_url("", urls[f"{alias.upper()}_DATABASE_URL"])
        assert web["USER"] == f"{alias}_web"
        with psycopg.connect(urls[f"{alias.upper()}_DATABASE_URL"]) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            assert row == (False,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DROP TABLE user_references")
    assert up.manage("ensure_runtime_role", "--dry-run").count("has exactly its rights") == 2


def test_again_changes_nothing(up: Checkout) -> None:
    before = up.file.read_bytes()
    for step in steps():
        assert "Made the role" not in up.manage(*step)
    assert up.file.read_bytes() == before


@pytest.fixture
def server(up: Checkout) -> Iterator[str]:
    """The address of a running development server, as `make run` starts it."""
    (port,) = free_ports(1)
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=up.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: process.poll() is not None or answers(address))
        assert process.poll() is None
        yield address
    finally:
        process.terminate()
        process.wait(10)


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_browser_logs_in_and_looks_at_tasks(server: str) -> None:
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    assert b"password" in browser.open(f"{server}/admin/login/", timeout=30).read()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": "admin", "password": PASSWORD, "next": TASKS, "csrfmiddlewaretoken": token}
    answer = browser.open(f"{server}/admin/login/", urlencode(form).encode(), timeout=30)
    assert answer.url == f"{server}{TASKS}"
    assert answer.read().decode().count("/admin/agents_app/task/") > 50
