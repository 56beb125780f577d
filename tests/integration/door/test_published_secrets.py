"""No secret that everybody can read works outside DEBUG: not in the web process, which runs no checks by itself."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from nullstore import defaults
from tests.integration.test_policy import deployed

PUBLISHED = {
    "SECRET_KEY": defaults.SECRET_KEY,
    "FIELD_ENCRYPTION_KEYS": defaults.FIELD_ENCRYPTION_KEYS,
    "REPLICATION_PASSWORD": defaults.REPLICATION_PASSWORD,
    "EREBUS_DATABASE_URL": defaults.EREBUS_DATABASE_URL,
    "AGENTS_OWNER_URL": "postgres://postgres:changeme@127.0.0.1:5441/agents",
}
#: As a WSGI server does, which knows no settings.
SERVE = ("-c", "import os; os.environ.pop('DJANGO_SETTINGS_MODULE', 0); import nullstore.wsgi; print('serves')")


@pytest.mark.parametrize("variable", PUBLISHED)
def test_the_web_process_does_not_start_with_it(variable: str) -> None:
    databases = {"EREBUS_DATABASE_URL": "postgres://web:x@h/erebus", "AGENTS_DATABASE_URL": "postgres://web:x@h/agents"}
    done = deployed(*SERVE, **{**databases, variable: PUBLISHED[variable]})
    assert done.returncode == 1
    assert f"{variable} has " in done.stderr.splitlines()[-1]
    assert PUBLISHED[variable] not in done.stderr
    done = deployed(*SERVE, **{**databases, variable: PUBLISHED[variable], "DEBUG": "on"})
    assert done.stdout == "serves\n", done.stderr


def test_it_starts_with_secrets_of_its_own() -> None:
    assert deployed(*SERVE).stdout == "serves\n"


@pytest.mark.django_db(databases=["erebus"])
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("admin", "too short"),
        ("1qaz2wsx3edc", "too common"),
        ("the-admin-of-this", "too similar to the username"),
        (defaults.LOCAL_PASSWORD, "published"),
    ],
)
def test_the_first_admin_gets_no_password_that_is_guessed(
    password: str, why: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match=f"DJANGO_SUPERUSER_PASSWORD.*{why}") as caught:
        call_command("ensure_admin", username="the-admin-of-that")
    assert (caught.value.returncode, User.objects.exists()) == (2, False)
    settings.DEBUG = True
    call_command("ensure_admin", username="the-admin-of-that", stdout=io.StringIO())
    assert User.objects.get().is_superuser
