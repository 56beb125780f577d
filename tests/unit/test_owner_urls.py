"""The owner's URLs: what they may say, where our own connections go by them, and who the web process may be."""

import subprocess
from typing import Any

import pytest
from pytest_django import Settings

from nullstore import checks, conf
from tests.unit.test_settings import read

WEB = "postgres://web:w@pooler:6432/erebus"
OWNER = "postgres://owner:secret-of-the-owner@erebus-1:5433/erebus"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"EREBUS_DATABASE_URL": WEB, "EREBUS_OWNER_URL": OWNER + "_old"}, "EREBUS_OWNER_URL names the database"),
        ({"AGENTS_OWNER_URL": OWNER}, "AGENTS_OWNER_URL names the database erebus, and AGENTS_DATABASE_URL agents"),
        ({"EREBUS_OWNER_URL": "erebus-1:5433"}, "EREBUS_OWNER_URL is not of the form"),
        ({"NULLSTORE_POOLER": "transaction"}, "NULLSTORE_POOLER needs EREBUS_OWNER_URL and AGENTS_OWNER_URL"),
        ({"NULLSTORE_POOLER": "transaction", "EREBUS_OWNER_URL": OWNER}, "NULLSTORE_POOLER needs"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_without_its_password(
    environment: dict[str, str], named: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        read(**environment)
    assert "InvalidSetting" in caught.value.stderr or "InvalidDatabaseURL" in caught.value.stderr
    assert named in caught.value.stderr
    assert "secret-of-the-owner" not in caught.value.stderr


def test_a_pooler_needs_addresses_and_no_owner() -> None:
    read(
        NULLSTORE_POOLER="transaction",
        EREBUS_OWNER_URL="postgres://erebus-1:5433/erebus",
        AGENTS_OWNER_URL="postgres://agents-1/agents",
    )


def owner(**options: Any) -> dict[str, Any]:
    return {"USER": "owner", "PASSWORD": "s", "HOST": "erebus-1", "PORT": 5433, "NAME": "erebus", "OPTIONS": options}


def test_only_where_the_server_is_is_taken_from_the_owners_url(settings: Settings) -> None:
    assert conf.server_address("erebus") == {}
    found = owner(sslmode="verify-full", sslrootcert="/ca", sslcert="/own", sslkey="/key", passfile="/p")
    settings.OWNER_DATABASES = {"erebus": found, "agents": None}
    assert conf.server_address("erebus") == {
        "host": "erebus-1",
        "port": 5433,
        "sslmode": "verify-full",
        "sslrootcert": "/ca",
    }


def test_w002_the_web_process_is_the_owner(settings: Settings) -> None:
    settings.DEBUG = False
    found = checks.check_runtime_role()
    assert [warning.id for warning in found] == ["nullstore.W002", "nullstore.W002"]
    assert found[1].msg.startswith("AGENTS_DATABASE_URL logs in as postgres, who owns the tables")
    assert "AGENTS_OWNER_URL" in (found[1].hint or "")
    settings.OWNER_DATABASES = {alias: owner() for alias in ("erebus", "agents")}
    assert checks.check_runtime_role() == []
    settings.OWNER_DATABASES = {alias: {**owner(), "USER": "postgres"} for alias in ("erebus", "agents")}
    assert len(checks.check_runtime_role()) == 2
    settings.DEBUG = True
    assert checks.check_runtime_role() == []


def test_w002_a_process_that_knows_no_owner_is_not_accused(settings: Settings) -> None:
    settings.OWNER_DATABASES = {alias: {**owner(), "USER": "", "PASSWORD": ""} for alias in ("erebus", "agents")}
    assert checks.check_runtime_role() == []
