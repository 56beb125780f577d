"""Settings come from the environment, and from .env where the environment has nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from pytest_django import Settings

from nullstore import conf
from nullstore.replication.conninfo import MASK, masked, same, subscription_conninfo, without_secrets

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "DEBUG",
    "ALLOWED_HOSTS",
    "NULLSTORE_ENVIRONMENT",
    "REPLICATION_ROLE",
    "REPLICATION_SOURCE",
    "REPLICATION_PASSWORD",
    "DATABASES",
    "NULLSTORE_SLOT_TIMEOUT",
]
PRINT = f"import json; from nullstore import settings as s; print(json.dumps([getattr(s, n) for n in {NAMES}]))"


def read(**environment: str) -> dict[str, Any]:
    """The settings as a fresh process reads them from just this environment."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "NULLSTORE_ENV_FILE": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(NAMES, json.loads(done.stdout), strict=True))


def test_defaults() -> None:
    settings = read()
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == []
    assert settings["NULLSTORE_ENVIRONMENT"] == "unnamed"
    assert settings["REPLICATION_ROLE"] == "nullblock_replicator"
    places = {
        alias: tuple(settings["DATABASES"][alias][key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME"))
        for alias in ("erebus", "agents")
    }
    assert places == {
        "erebus": ("postgres", "postgres_secure_pass", "127.0.0.1", 5440, "erebus"),
        "agents": ("postgres", "postgres_secure_pass", "127.0.0.1", 5441, "agents"),
    }


def test_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("DEBUG=on\nREPLICATION_ROLE=from_file\nNULLSTORE_ENVIRONMENT=from_file\n")
    settings = read(NULLSTORE_ENV_FILE=str(file), NULLSTORE_ENVIRONMENT="from the environment")
    assert settings["DEBUG"] is True
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["REPLICATION_ROLE"] == "from_file"
    assert settings["NULLSTORE_ENVIRONMENT"] == "from the environment"


@pytest.mark.parametrize("value", ["$uper", "$PATH", "a$b", "'quoted'"])
def test_values_are_taken_as_they_are(value: str) -> None:
    assert read(REPLICATION_PASSWORD=value)["REPLICATION_PASSWORD"] == value


@pytest.mark.parametrize(
    "environment",
    [
        {"NULLSTORE_SLOT_TIMEOUT": "-1"},
        {"NULLSTORE_SLOT_TIMEOUT": "0"},
        {"NULLSTORE_METRICS_TOKEN": "fifteen-letters"},
        {"NULLSTORE_METRICS_TOKEN": "sixteen-lettér-s"},
        {"NULLSTORE_LOG_FORMAT": "xml"},
        {"NULLSTORE_LOG_LEVEL": "LOUD"},
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(environment: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        read(**environment)
    ((name, value),) = environment.items()
    assert name in caught.value.stderr
    assert len(value) < 5 or value not in caught.value.stderr


def test_pool_waits_for_a_dead_server_no_longer_than_a_person() -> None:
    assert "pool" not in read()["DATABASES"]["erebus"]["OPTIONS"]
    pool = read(DATABASE_POOL_SIZE="4")["DATABASES"]["erebus"]["OPTIONS"]["pool"]
    assert (pool["max_size"], pool["timeout"]) == (4, 5)


def test_the_agents_server_reaches_erebus_as_django_does_by_default() -> None:
    settings = connections["erebus"].settings_dict
    assert conf.replication_source() == {"host": settings["HOST"], "port": str(settings["PORT"])}


def test_only_the_place_is_taken_from_the_source_url(settings: Settings) -> None:
    settings.REPLICATION_SOURCE = {
        "HOST": "erebus.internal",
        "PORT": 5432,
        "NAME": "the_real_one",
        "USER": "somebody",
        "OPTIONS": {"sslmode": "verify-full", "connect_timeout": "5"},
    }
    assert conninfo_to_dict(subscription_conninfo("erebus")) == {
        "host": "erebus.internal",
        "port": "5432",
        "sslmode": "verify-full",
        "dbname": connections["erebus"].settings_dict["NAME"],
        "user": conf.replication_role(),
        "password": conf.replication_password(),
    }


def test_a_connection_string_is_shown_without_its_password() -> None:
    assert conninfo_to_dict(masked("host=h password=secret user=u")) == {
        "host": "h",
        "password": MASK,
        "user": "u",
    }


@pytest.mark.parametrize(
    "text",
    [
        "connection to host=h password=hunter22 failed",
        "CONNECTION 'password = ''hunter22'''",
        r"password='hunter22 with \' quotes hunter22' user=x",
    ],
)
def test_passwords_are_masked_in_what_servers_say(text: str, settings: Settings) -> None:
    settings.REPLICATION_PASSWORD = "hunter22"
    assert "hunter22" not in without_secrets(text)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("host=h port=1", "port=1 host='h'", True),
        ("postgres://u@h:1/d", "host=h port=1 user=u dbname=d", True),
        ("host=h", "host=i", False),
        ("not a connection string", "not a connection string", False),
    ],
)
def test_connection_strings_are_compared_by_what_they_mean(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal


def variables() -> set[str]:
    """Every variable that settings.py reads."""
    source = (ROOT / "nullstore" / "settings.py").read_text()
    return set(re.findall(r'(?:text|env\.\w+|environ\.get|_database)\("([A-Z_]+)"', source))


@pytest.mark.parametrize("document", [".env.example", "docs/reference/settings.md"])
def test_every_variable_is_described(document: str) -> None:
    text = (ROOT / document).read_text()
    assert len(variables()) > 12
    assert [variable for variable in sorted(variables()) if variable not in text] == []
