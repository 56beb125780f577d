"""What browsers are told to allow, the pages about errors, and what a deployment has to have set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from tests.integration.adminpages import EDITABLE, MODELS, insert_row, page, viewer

pytestmark = [
    pytest.mark.django_db(databases=["erebus", "agents"]),
    pytest.mark.usefixtures("known_to_nobody"),
]

START, LOGIN = "/admin/", "/admin/login/"
ROOT = Path(__file__).resolve().parents[2]
INLINE = re.compile(
    r'<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son\w+=|javascript:|(?:src|href)="data:'
)


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    for response in (client.get(START), Client().get(LOGIN), client.get("/nothing/"), client.get("/admin/jsi18n/")):
        policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "object-src": "'none'",
        }
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("label", sorted(MODELS))
def test_no_page_of_a_table_needs_more(label: str, client: Client) -> None:
    key = insert_row(label)
    pages = [page(label, "changelist"), page(label, "change", key), page(label, "history", key)]
    pages += [page(label, "add"), page(label, "delete", key)] if label in EDITABLE else []
    for address in pages:
        found = INLINE.search(client.get(address).content.decode())
        assert found is None, (address, found)


@pytest.mark.parametrize("address", [START, LOGIN, "/admin/password_change/", "/nothing/", "/admin/auth/user/add/"])
def test_no_other_page_needs_more(address: str, client: Client) -> None:
    for who in (client, Client()):
        assert INLINE.search(who.get(address).content.decode()) is None


def test_there_is_an_icon(client: Client) -> None:
    [icon] = re.findall(r'<link rel="icon"[^>]*href="([^"]*)"', client.get(START).content.decode())
    assert client.get("/favicon.ico").headers["Location"] == icon
    assert (ROOT / "nullstore" / icon.removeprefix("/")).read_text().startswith("<svg ")


def _bad(client: Client) -> object:
    return client.get(START, headers={"host": "not.allowed"})


def _not_there(client: Client) -> object:
    return client.get("/admin/nothing/")


def _not_allowed(client: Client) -> object:
    return viewer().get(page("agents_app.Task", "add"))


def _forged(client: Client) -> object:
    checking = Client(enforce_csrf_checks=True)
    checking.cookies = client.cookies
    return checking.post("/admin/logout/")


def _failing(client: Client) -> object:
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nullstore.admin.start.overview", lambda request: 1 / 0)
        return client.get(START)


@pytest.mark.parametrize(
    ("ask", "status", "words"),
    [
        (_bad, 400, "Bad request"),
        (_not_there, 404, "Page not found"),
        (_not_allowed, 403, "Not allowed"),
        (_forged, 403, "The form has expired"),
        (_failing, 500, "Server error"),
    ],
)
def test_errors_have_a_page_in_the_frame(ask: object, status: int, words: str, client: Client) -> None:
    response = ask(client)  # type: ignore[operator]
    said = response.content.decode()
    assert response.status_code == status
    assert f"<h1>{words}</h1>" in said
    assert "nullstore · test" in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" not in said
    assert "Content-Security-Policy" in response.headers


def deployed(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run python with the settings of a real installation."""
    given = {**os.environ, "NULLSTORE_HTTPS": "on", "ALLOWED_HOSTS": "ops.example.com", "SECRET_KEY": "s3cr3t-of-" * 9}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**given, **environment}, capture_output=True, text=True
    )


def test_a_deployment_has_nothing_to_mend() -> None:
    databases = {}
    for alias in ("EREBUS", "AGENTS"):
        owners = os.environ[f"{alias}_DATABASE_URL"]
        databases |= {f"{alias}_OWNER_URL": owners, f"{alias}_DATABASE_URL": owners.replace("//postgres:", "//web:")}
    done = deployed("manage.py", "check", "--deploy", SECRET_KEY=os.urandom(40).hex(), **databases)
    assert "no issues" in done.stdout, done.stderr


def test_a_colour_that_there_is_not_is_refused() -> None:
    done = deployed("-c", "import nullstore.settings", NULLSTORE_ENVIRONMENT_COLOUR="mauve")
    assert "NULLSTORE_ENVIRONMENT_COLOUR must be one of red, amber" in done.stderr


def test_http_is_redirected_and_a_proxy_is_believed_only_if_it_is_said_to_be_there(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    proxied = {"X-Forwarded-Proto": "https"}
    assert Client().get(LOGIN, headers=proxied).status_code == 301
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert Client().get(LOGIN, headers=proxied).status_code == 200
    assert Client().get(LOGIN).headers["Location"] == "https://testserver/admin/login/"
