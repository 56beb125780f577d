"""The owner is logged in where the owner is needed, and nowhere after that."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from nullstore.databases import ALIASES
from nullstore.exceptions import InvalidSetting
from nullstore.owner import as_owner
from nullstore.replication.connect import connect
from tests.integration.baresql import BareSQL
from tests.integration.runtime_roles import ROLES, logged_in

pytestmark = pytest.mark.usefixtures("committed_pair")


@pytest.fixture
def owner(committed_pair: None, settings: Settings) -> Iterator[None]:
    """Django is the runtime role; the owner's URLs name whom the servers were made for."""
    settings.OWNER_DATABASES = {alias: kept(alias) for alias in ALIASES}
    with logged_in():
        yield


def kept(alias: str) -> dict[str, Any]:
    return {**connections[alias].settings_dict, "OPTIONS": {"connect_timeout": 5}}


def who() -> list[str]:
    """Who asks by Django's connections, and by those of our own."""
    own = []
    for alias in ALIASES:
        with connect(alias) as connection:
            own.append(connection.info.user)
    return [BareSQL(alias).value("SELECT current_user::text") for alias in ALIASES] + own


def _end_as_owner(ending: type[BaseException]) -> None:
    with as_owner():
        assert who() == OWNERS
        raise ending


WEB = [*ROLES.values(), *ROLES.values()]
OWNERS = ["postgres"] * 4


@pytest.mark.usefixtures("owner")
def test_inside_it_is_the_owner_and_after_it_who_it_was() -> None:
    before = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}
    assert who() == WEB
    with as_owner():
        assert who() == OWNERS
        with as_owner():
            assert who() == OWNERS
        assert who() == OWNERS
    assert who() == WEB
    assert {alias: dict(connections[alias].settings_dict) for alias in ALIASES} == before


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_of_the_owner_is_left_after_an_error(ending: type[BaseException]) -> None:
    before = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}
    with pytest.raises(ending):
        _end_as_owner(ending)
    assert {alias: dict(connections[alias].settings_dict) for alias in ALIASES} == before
    assert who() == WEB


@pytest.mark.usefixtures("owner")
def test_an_owner_that_cannot_be_named_leaves_nothing_half_done(settings: Settings) -> None:
    settings.OWNER_DATABASES = {**settings.OWNER_DATABASES, "agents": {**kept("agents"), "USER": "", "PASSWORD": ""}}
    with pytest.raises(InvalidSetting, match="AGENTS_OWNER_URL names no user"), as_owner():
        pass
    assert who() == WEB


@pytest.mark.usefixtures("owner")
def test_a_certificate_of_the_owner_is_not_used_for_others(settings: Settings) -> None:
    settings.OWNER_DATABASES = {
        alias: {**kept(alias), "OPTIONS": {"sslmode": "prefer", "sslcert": "/nowhere", "connect_timeout": 5}}
        for alias in ALIASES
    }
    with connect("erebus") as connection:
        assert connection.info.user == ROLES["erebus"]
        assert "/nowhere" not in str(connection.info.get_parameters())
