"""rotate_keys knows the secrets of authenticator apps, too."""

import io
import json
from contextlib import closing, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from erebus_app.services import secrets
from erebus_app.services.secrets import count_by_key_id, holders, rotate
from nullstore import encryption
from nullstore.door import devices
from nullstore.door.models import TotpDevice
from tests.integration.door.test_two_factor import browser, code_of, gets_in
from tests.integration.keyring import K1, K2, add_rows, stored

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def ada(committed_erebus: None, settings: Any) -> User:
    """Somebody whose device was set up under k1; k2 is the first key now."""
    settings.NULLSTORE_TWO_FACTOR = True
    settings.FIELD_ENCRYPTION_KEYS = K1
    user = User.objects.create_superuser("ada")
    assert devices.set_up(user, SECRET, code_of(SECRET, later=-1))
    settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"
    return user


def report_of(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    with suppress(CommandError):
        call_command("rotate_keys", json=True, stdout=out, **options)
    return dict(json.loads(out.getvalue()))


def code_page(user: User, code: str) -> Client:
    client = browser(user)
    client.post(reverse("admin:two_factor_code"), {"code": code})
    return client


def test_they_come_under_the_first_key_with_the_others_and_the_old_one_may_go(ada: User, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = K1
    add_rows(3)
    settings.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"
    report = report_of()
    assert (report["before"], report["after"]) == ({"k1": 4}, {"k2": 4})
    assert (report["rotated"], report["unused"]) == (4, ["k1"])
    settings.FIELD_ENCRYPTION_KEYS = K2
    assert len(stored()) == 3
    assert gets_in(code_page(ada, code_of(SECRET)))


def test_an_old_key_that_one_of_them_needs_is_not_declared_free(ada: User) -> None:
    report = report_of(dry_run=True)
    assert (report["before"], report["to_do"], report["unused"]) == ({"k1": 1}, 1, [])


def test_one_whose_key_is_gone_is_named_and_kept(ada: User, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = K2
    kept = bytes(TotpDevice.objects.get().secret)
    report = report_of()
    assert (report["rotated"], report["missing"], report["unreadable"]["count"]) == (0, ["k1"], 1)
    assert f"door_totpdevice, row {TotpDevice.objects.get().pk}" in report["unreadable"]["named"][0]["message"]
    assert bytes(TotpDevice.objects.get().secret) == kept


def test_using_it_brings_it_under_the_first_key_as_well(ada: User) -> None:
    assert gets_in(code_page(ada, code_of(SECRET)))
    assert count_by_key_id() == {"k2": 1}


def test_a_code_that_is_looked_at_meanwhile_is_waited_for(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    before = TotpDevice.objects.get().last_step
    with closing(connections["erebus"].copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("UPDATE door_totpdevice SET last_step = last_step + 1")
        real = secrets._swap_one

        def first_let_go(*args: Any) -> Any:
            other.commit()
            return real(*args)

        monkeypatch.setattr(secrets, "_swap_one", first_let_go)
        report = rotate()
    device = TotpDevice.objects.get()
    assert (report.rotated, report.exit_code, device.last_step) == (1, 0, before + 1)
    assert encryption.decrypt(device.secret, device.secret_cell()) == SECRET


def test_every_model_with_a_secret_is_known() -> None:
    assert {model._meta.label for model in holders()} == {"erebus_app.AgentApiKey", "door.TotpDevice"}
