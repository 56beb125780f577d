"""What a real web process writes to stderr: one JSON object a line, and no secret in any."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.adminpages import superuser
from tests.integration.deployment.crashing_urls import SECRET
from tests.integration.deployment.gunicorns import ROOT, Gunicorn, environment, gunicorn
from tests.integration.replicas import wait_for
from tests.servers import PASSWORD

pytestmark = pytest.mark.usefixtures("committed_pair")
WRONG = "of-nobody-at-all-4711"
CRASHING = {"DJANGO_SETTINGS_MODULE": "tests.integration.deployment.crashing"}


@pytest.fixture(scope="module")
def process(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    with gunicorn(tmp_path_factory.mktemp("json") / "log", **CRASHING, NULLSTORE_LOG_FORMAT="json") as process:
        yield process


@pytest.fixture
def running(process: Gunicorn) -> Gunicorn:
    """The one of this module, whose log is empty."""
    process.forget()
    return process


def requests(process: Gunicorn, path: str) -> list[dict[str, Any]]:
    """The lines about requests of that path, once there are some: written after the answer is sent."""
    found: list[dict[str, Any]] = []

    def some() -> bool:
        found[:] = [
            line for line in process.objects() if line["logger"] == "nullstore.request" and line["path"] == path
        ]
        return bool(found)

    wait_for(some)
    return found


def log_in(process: Gunicorn, name: str, password: str) -> int:
    _, headers, page = process.get("/admin/login/")
    cookie = headers["Set-Cookie"].partition(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    form = urlencode({"csrfmiddlewaretoken": token[1], "username": name, "password": password})
    kind = "application/x-www-form-urlencoded"
    return process.request("POST", "/admin/login/?next=/admin/", form, Cookie=cookie, Content_Type=kind)[0]


def test_each_request_is_one_object(running: Gunicorn) -> None:
    _, headers, _ = running.get("/admin/login/?next=/admin/&q=somebody@example.com")
    (line,) = requests(running, "/admin/login/")
    assert (line["method"], line["status"], line["level"]) == ("GET", 200, "INFO")
    assert 0 < line["duration_seconds"] < 15
    assert line["request_id"] == headers["X-Request-ID"]
    assert running.get("/nothing/here?q=somebody@example.com")[0] == 404
    assert requests(running, "/nothing/here")[0]["status"] == 404
    assert "example.com" not in running.said()


@pytest.mark.parametrize("sent", ["trace-1.2_3", "a" * 64])
def test_the_id_of_a_proxy_is_taken(running: Gunicorn, sent: str) -> None:
    assert running.get("/nothing", X_Request_ID=sent)[1]["X-Request-ID"] == sent
    assert requests(running, "/nothing")[0]["request_id"] == sent
    # Django's own line about the 404 has it, too.
    assert {line["request_id"] for line in running.objects() if line.get("path") == "/nothing"} == {sent}


@pytest.mark.parametrize("sent", ["", "a" * 65, 'x","level":"CRITICAL', "a b", "\xe4"])
def test_an_id_that_is_none_is_not(running: Gunicorn, sent: str) -> None:
    given = running.get("/nothing", X_Request_ID=sent)[1]["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", given)
    assert requests(running, "/nothing")[0]["request_id"] == given


def test_a_login_that_fails_leaves_no_password(running: Gunicorn) -> None:
    superuser()
    assert log_in(running, "staff", WRONG) == 200
    assert [line["method"] for line in requests(running, "/admin/login/")] == ["GET", "POST"]
    assert WRONG not in running.said()


def test_a_database_that_refuses_the_password_leaves_none(tmp_path: Path) -> None:
    urls = {name: url.replace(PASSWORD, WRONG) for name, url in environment().items() if name.endswith("_DATABASE_URL")}
    with gunicorn(tmp_path / "log", NULLSTORE_LOG_FORMAT="json", **urls) as process:
        assert process.get("/admin/", Cookie="sessionid=0123456789abcdef0123456789abcdef")[0] == 503
        assert process.get("/readyz")[0] == 503
        assert process.get("/metrics")[0] == 200
        assert requests(process, "/admin/")[0]["status"] == 503
        for secret in (WRONG, PASSWORD):
            assert secret not in process.said()


def test_a_page_that_fails_leaves_its_reason_and_no_secret(running: Gunicorn) -> None:
    status, headers, page = running.get(f"/crash?token={SECRET}", Authorization=f"Bearer {SECRET}")
    assert status == 500
    assert requests(running, "/crash")[0]["status"] == 500
    (line,) = [each for each in running.objects() if each["level"] == "ERROR"]
    assert line["request_id"] == headers["X-Request-ID"]
    assert "RuntimeError: no way to postgres://somebody:********@db/erebus" in line["exception"]
    assert SECRET not in running.said()
    assert SECRET not in page


def test_text_has_no_line_for_a_request_and_no_secret(tmp_path: Path) -> None:
    with gunicorn(tmp_path / "log", **CRASHING) as running:
        assert running.get("/admin/login/")[0] == 200
        assert running.get(f"/crash?token={SECRET}")[0] == 500
        wait_for(lambda: "RuntimeError: no way to" in running.said())
        assert "/admin/login/" not in running.said()
        assert "INFO gunicorn.error Booting worker" in running.said()
        assert SECRET not in running.said()


def verify(**variables: str) -> subprocess.CompletedProcess[str]:
    """A command that logs its result at INFO."""
    command = [sys.executable, "manage.py", "replication", "verify", "--json"]
    return subprocess.run(command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_command_says_what_it_says_and_logs_nothing_besides(form: str) -> None:
    done = verify(NULLSTORE_LOG_FORMAT=form)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["equal"] is True


def test_a_command_that_is_told_to_logs_more() -> None:
    done = verify(NULLSTORE_LOG_FORMAT="json", NULLSTORE_LOG_LEVEL="INFO")
    assert [json.loads(line)["level"] for line in done.stderr.splitlines()] == ["INFO"]
    assert json.loads(done.stdout)["equal"] is True
