"""A code is worth one login, however many ask with it at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from nullstore.door import devices
from nullstore.door.models import TotpDevice
from tests.integration.door.test_two_factor import code_of

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
AT_ONCE = 4


@pytest.fixture
def codes(committed_erebus: None, settings: Any) -> dict[str, str]:
    """Both kinds of code that let ada in now, by name."""
    settings.NULLSTORE_TWO_FACTOR = True
    recovery = devices.set_up(User.objects.create_superuser("ada"), SECRET, code_of(SECRET, later=-1))
    assert recovery
    return {"of the app": code_of(SECRET), "for recovery": recovery[0]}


def outcomes(code: str) -> list[bool | str]:
    """What came of each of several tries in as many processes of the web."""
    ada, ready = User.objects.get(), Barrier(AT_ONCE)

    def tried(_: int) -> bool | str:
        try:
            ready.wait(10)
            return devices.passes(ada, code) is not None
        except devices.Wait:
            return "to wait"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(tried, range(AT_ONCE)))


@pytest.mark.parametrize("kind", ["of the app", "for recovery"])
def test_of_several_at_once_one_gets_in(kind: str, codes: dict[str, str]) -> None:
    assert outcomes(codes[kind]).count(True) == 1
    assert len(TotpDevice.objects.get().recovery) == (9 if kind == "for recovery" else 10)


def test_of_several_guesses_at_once_one_is_looked_at(codes: dict[str, str]) -> None:
    assert sorted(map(str, outcomes("000 000 0"))) == ["False", *["to wait"] * (AT_ONCE - 1)]
