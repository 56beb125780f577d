"""Every system check, by its id: one case that it finds, and silence where all is well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import Error, run_checks
from django.db import models
from django.test.utils import isolate_apps
from pytest_django import Settings

from nullstore import checks, databases, defaults


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


def test_all_is_well_as_it_is() -> None:
    assert [message for message in run_checks() if not message.is_silenced()] == []


def test_e001_an_app_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {label: home for label, home in databases.HOMES.items() if label != "sessions"}
    monkeypatch.setattr(checks, "HOMES", homes)
    (error,) = checks.check_homes()
    assert (error.id, "'sessions' has no home" in error.msg) == ("nullstore.E001", True)
    assert "HOMES in nullstore/databases.py" in (error.hint or "")


DEFAULTS: dict[str, Callable[[Settings], None]] = {
    "SECRET_KEY": lambda settings: setattr(settings, "SECRET_KEY", defaults.SECRET_KEY),
    "REPLICATION_PASSWORD": lambda settings: setattr(settings, "REPLICATION_PASSWORD", defaults.REPLICATION_PASSWORD),
    "FIELD_ENCRYPTION_KEYS": lambda settings: setattr(
        settings, "FIELD_ENCRYPTION_KEYS", f"{settings.FIELD_ENCRYPTION_KEYS},{defaults.FIELD_ENCRYPTION_KEYS}"
    ),
}
ROLES: dict[str, Callable[[Settings, str], None]] = {
    "REPLICATION_PASSWORD": lambda settings, password: setattr(settings, "REPLICATION_PASSWORD", password),
    "REPLICATION_SOURCE_URL": lambda settings, password: setattr(
        settings, "REPLICATION_SOURCE", {"HOST": "erebus", "PORT": "5432", "PASSWORD": password}
    ),
    **{
        f"{alias.upper()}_DATABASE_URL": lambda settings, password, alias=alias: setattr(  # type: ignore[misc]
            settings, "RUNTIME_LOGINS", {**settings.RUNTIME_LOGINS, alias: ("postgres", password)}
        )
        for alias in databases.ALIASES
    },
    **{
        f"{alias.upper()}_OWNER_URL": lambda settings, password, alias=alias: setattr(  # type: ignore[misc]
            settings, "OWNER_DATABASES", {**settings.OWNER_DATABASES, alias: {"PASSWORD": password}}
        )
        for alias in databases.ALIASES
    },
}


@pytest.mark.parametrize("variable", DEFAULTS)
def test_e002_a_default_secret_outside_debug(variable: str, settings: Settings) -> None:
    settings.DEBUG = False
    assert checks.check_secrets() == []
    DEFAULTS[variable](settings)
    (error,) = checks.check_secrets()
    assert error.id == "nullstore.E002"
    assert error.msg.startswith(variable)
    settings.DEBUG = True
    assert checks.check_secrets() == []


@pytest.mark.parametrize("password", sorted(defaults.PUBLISHED_PASSWORDS))
@pytest.mark.parametrize("variable", ROLES)
def test_e002_a_published_password_outside_debug(variable: str, password: str, settings: Settings) -> None:
    settings.DEBUG = False
    ROLES[variable](settings, password)
    (error,) = checks.check_secrets()
    assert (error.id, error.msg.partition(" ")[0]) == ("nullstore.E002", variable)
    assert password not in error.msg.replace("published password", "")
    settings.DEBUG = True
    assert checks.check_secrets() == []


@pytest.mark.parametrize(
    ("tls", "address", "found"),
    [
        (None, "", []),
        (("HTTP_X_FORWARDED_PROTO", "https"), "", ["nullstore.W003"]),
        (("HTTP_X_FORWARDED_PROTO", "https"), "X-Real-IP", []),
    ],
)
def test_w003_a_proxy_that_does_not_say_whom_it_serves(tls: Any, address: str, found: Any, settings: Settings) -> None:
    settings.DEBUG = False
    settings.SECURE_PROXY_SSL_HEADER, settings.NULLSTORE_CLIENT_ADDRESS_HEADER = tls, address
    assert ids(checks.check_client_address()) == found
    settings.DEBUG = True
    assert checks.check_client_address() == []


@pytest.mark.parametrize("variable", ["REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"])
def test_e002_an_empty_secret_outside_debug(variable: str, settings: Settings) -> None:
    settings.DEBUG = False
    setattr(settings, variable, "")
    (error,) = checks.check_secrets()
    assert (error.id, error.msg) == ("nullstore.E002", f"{variable} is empty.")


@isolate_apps("erebus_app")
def test_e003_two_models_of_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twin(models.Model):
        class Meta:
            app_label = "erebus_app"
            db_table = "wallets"

    everything = [*apps.get_models(), Twin]
    monkeypatch.setattr(checks.apps, "get_models", lambda **kwargs: everything)
    (error,) = checks.check_tables()
    assert (error.id, "'wallets'" in error.msg) == ("nullstore.E003", True)


@isolate_apps("erebus_app", "agents_app")
def test_e004_a_relation_between_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(models.Model):
        class Meta:
            app_label = "erebus_app"

    class There(models.Model):
        here = models.ForeignKey(Here, models.CASCADE)

        class Meta:
            app_label = "agents_app"

    monkeypatch.setattr(checks.apps, "get_models", lambda **kwargs: [Here, There])
    (error,) = checks.check_relations()
    assert isinstance(error, Error)
    assert (error.id, error.obj) == ("nullstore.E004", There)
    assert "from agents to erebus" in error.msg


@pytest.mark.parametrize(
    ("source", "replica", "missing"),
    [
        ("erebus_app.Nobody", "agents_app.UserReference", "erebus_app.Nobody"),
        ("erebus_app.UserReference", "erebus_app.Wallet", "erebus_app.Wallet"),
    ],
)
def test_e005_a_replicated_model_that_is_not_there(
    source: str, replica: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = databases.ReplicationPair(
        "erebus", "agents", "erebus_user_sync", "agents_user_sync", (databases.ReplicatedModel(source, replica),)
    )
    monkeypatch.setattr(checks, "USER_SYNC", declared)
    (error,) = checks.check_replicated_models()
    assert (error.id, missing in error.msg) == ("nullstore.E005", True)


@pytest.mark.parametrize("keys", ["", "x", "k1:short"])
def test_e006_keys_that_cannot_be_read(keys: str, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys
    (error,) = checks.check_encryption_keys()
    assert (error.id, "FIELD_ENCRYPTION_KEYS" in error.msg) == ("nullstore.E006", True)


def test_e007_an_env_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    monkeypatch.setenv("NULLSTORE_ENV_FILE", str(file))
    (error,) = checks.check_env_file()
    assert (error.id, str(file) in error.msg) == ("nullstore.E007", True)
    file.touch()
    assert checks.check_env_file() == []


def test_e008_every_model_of_every_app_is_declared_replicated_or_not() -> None:
    """A new model is added to NOT_REPLICATED in nullstore/databases.py, or to USER_SYNC if agents needs a copy."""
    assert checks.check_declarations() == []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (databases.NOT_REPLICATED - {"erebus_app.Wallet"}, "erebus_app.Wallet is declared neither replicated nor not."),
        (databases.NOT_REPLICATED - {"auth.*"}, "auth.User is declared neither replicated nor not."),
        (
            databases.NOT_REPLICATED | {"erebus_app.UserReference"},
            "erebus_app.UserReference is declared replicated and not replicated.",
        ),
        (
            databases.NOT_REPLICATED | {"erebus_app.Gone"},
            "erebus_app.Gone is declared not replicated, and there is no such model.",
        ),
    ],
)
def test_e008_a_model_that_is_declared_twice_or_not_at_all(
    declared: frozenset[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "NOT_REPLICATED", declared)
    errors = checks.check_declarations()
    assert {error.id for error in errors} == {"nullstore.E008"}
    assert message in {error.msg for error in errors}
    assert all("nullstore/databases.py" in (error.hint or "") for error in errors)
