"""The second factor: set up, asked for, lost, and off."""

import io
import re
import time
from base64 import b32decode
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from nullstore.door.models import TotpDevice
from tests.integration.adminpages import page
from tests.integration.outages import text, without
from tests.integration.test_policy import INLINE

pytestmark = [pytest.mark.django_db(databases=["erebus", "agents"]), pytest.mark.usefixtures("known_to_nobody")]


@pytest.fixture(autouse=True)
def on(settings: Any) -> None:
    settings.NULLSTORE_TWO_FACTOR = True


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def code_of(secret: str, later: int = 0) -> str:
    clock = TOTP(b32decode(secret))
    clock.time = time.time() + 30 * later
    return f"{clock.token():06}"


def set_up(client: Client) -> tuple[str, list[str]]:
    said = text(client.get(reverse("admin:two_factor_set_up")))
    secret = re.search(r"<code class=\"ns-code\">([A-Z2-7 ]+)</code>", said)[1].replace(" ", "")  # type: ignore[index]
    answer = client.post(reverse("admin:two_factor_set_up"), {"code": code_of(secret)})
    assert answer.status_code == 200
    return secret, re.findall(r"<li><code>([a-z2-7-]+)</code>", text(answer))


def gets_in(client: Client) -> bool:
    return bool(client.get(reverse("admin:index")).status_code == 200)


def test_off_nothing_is_there(settings: Any, ada: User) -> None:
    settings.NULLSTORE_TWO_FACTOR = False
    client = browser(ada)
    assert gets_in(client)
    for name in ("two_factor", "two_factor_code", "two_factor_set_up"):
        assert client.get(reverse(f"admin:{name}")).status_code == 404
    assert "two-factor" not in text(client.get(reverse("admin:index"))).lower()


def test_staff_without_a_device_are_led_to_set_one_up_and_then_in(ada: User) -> None:
    client, wanted = browser(ada), page("agents_app.Task", "changelist")
    led = client.get(wanted, follow=True)
    assert led.request["PATH_INFO"] == reverse("admin:two_factor_set_up")
    assert wanted in led.redirect_chain[-1][0].replace("%2F", "/")
    assert INLINE.search(text(led)) is None
    assert "no-store" in led.headers["Cache-Control"]
    _, codes = set_up(client)
    assert len(codes) == len(set(codes)) == 10
    reached = client.get(wanted)
    assert reached.status_code == 200
    assert f'<a href="{reverse("admin:two_factor")}">Two-factor</a>' in text(reached)


def test_a_session_from_before_is_asked_and_every_address_is_closed(ada: User) -> None:
    set_up(browser(ada))
    client = browser(ada)
    for name in ("index", "password_change", "jsi18n", "replication", "auth_user_changelist"):
        answer = client.get(reverse(f"admin:{name}"))
        assert answer.headers["Location"].startswith(reverse("admin:login"))
    assert "ns-verdict" not in text(client.get(reverse("admin:two_factor_code")))
    assert "ns-verdict" not in text(client.get("/nothing/"))


def test_a_code_lets_in_once_and_only_the_right_one(ada: User) -> None:
    secret, _ = set_up(browser(ada))
    client, ask = browser(ada), reverse("admin:two_factor_code")
    # The one that set it up is used; so is each after it.
    assert "used already" in text(client.post(ask, {"code": code_of(secret)}))
    TotpDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    key = client.session.session_key
    answer = client.post(ask, {"code": code_of(secret, later=1), "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == reverse("admin:index")
    assert client.session.session_key != key
    assert gets_in(client)
    other = browser(ada)
    other.post(ask, {"code": code_of(secret, later=1)})
    assert not gets_in(other)


@pytest.mark.parametrize("code", ["", "000", "abcdef", "٣٤٥٦٧٨", "x" * 50, "1" * 6, "\x00" * 6])
def test_anything_else_is_refused(code: str, ada: User) -> None:
    set_up(browser(ada))
    client = browser(ada)
    assert client.post(reverse("admin:two_factor_code"), {"code": code}).status_code == 200
    assert not gets_in(client)


def test_wrong_codes_are_slowed_down(ada: User) -> None:
    secret, _ = set_up(browser(ada))
    TotpDevice.objects.update(throttling_failure_count=8)
    client, ask = browser(ada), reverse("admin:two_factor_code")
    client.post(ask, {"code": "wrong"})
    assert "Too many wrong codes" in text(client.post(ask, {"code": code_of(secret, later=1)}))
    assert not gets_in(client)


def test_a_recovery_code_opens_once(ada: User) -> None:
    _, codes = set_up(browser(ada))
    ask = reverse("admin:two_factor_code")
    for expected in (True, False):
        client = browser(ada)
        client.post(ask, {"code": codes[0].upper()})
        assert gets_in(client) is expected


def test_secret_and_codes_are_kept_unreadable_and_shown_nowhere(ada: User) -> None:
    client = browser(ada)
    secret, codes = set_up(client)
    [row] = TotpDevice.objects.values()
    kept = f"{bytes(row['secret'])!r}{row}{client.session.items()}"
    shown = text(client.get(reverse("admin:door_totpdevice_change", args=[row["id"]])))
    for each in (secret, b32decode(secret).hex(), *codes, codes[0].replace("-", "")):
        assert each not in kept + shown


def test_two_windows_are_offered_different_secrets(ada: User) -> None:
    def offered(client: Client) -> str:
        return text(client.get(reverse("admin:two_factor_set_up"))).partition('class="ns-code">')[2][:39]

    one, other = browser(ada), browser(ada)
    assert offered(one) == offered(one) != offered(other)


def test_a_superuser_takes_a_lost_device_away_and_the_log_says_so(ada: User) -> None:
    olaf = User.objects.create_user("olaf", is_staff=True)
    theirs, own = browser(olaf), browser(ada)
    set_up(theirs)
    set_up(own)
    assert gets_in(theirs)
    device = TotpDevice.objects.get(user=olaf)
    address = reverse("admin:door_totpdevice_remove", args=[device.pk])
    assert theirs.post(address).status_code == 403
    own.post(address, {"reason": "lost phone"})
    assert not gets_in(theirs)
    assert "lost phone" in str(list(LogEntry.objects.filter(object_id=str(olaf.pk), user=ada).values()))


def test_the_command_takes_it_away_where_nobody_gets_in(ada: User) -> None:
    client = browser(ada)
    set_up(client)
    User.objects.create_superuser("root")
    with pytest.raises(CommandError, match="--no-input"):  # there is no terminal to ask at
        call_command("reset_two_factor", "ada")
    out = io.StringIO()
    call_command("reset_two_factor", "ada", dry_run=True, json=True, stdout=out)
    assert '"removed": false' in out.getvalue()
    assert gets_in(client)
    call_command("reset_two_factor", "ada", actor="root", no_input=True, stdout=out)
    assert not gets_in(client)
    logged = LogEntry.objects.latest("pk")
    assert (logged.user.username, logged.object_repr) == ("root", "ada")
    assert "reset_two_factor" in logged.change_message
    for name, code in (("ada", 1), ("nobody", 2)):
        with pytest.raises(CommandError) as caught:
            call_command("reset_two_factor", name, no_input=True)
        assert caught.value.returncode == code


def test_another_app_is_set_up_by_who_gives_a_code(ada: User) -> None:
    client = browser(ada)
    _, codes = set_up(client)
    client.post(reverse("admin:two_factor"), {"code": codes[0], "codes": "x"})
    assert len(TotpDevice.objects.get().recovery) == 10
    client.post(reverse("admin:two_factor"), {"code": codes[1], "replace": "x"})
    assert TotpDevice.objects.exists()  # an old recovery code is worth nothing


def test_during_an_outage_a_password_alone_is_not_believed(ada: User) -> None:
    tasks = page("agents_app.Task", "changelist")
    half, whole = browser(ada), browser(ada)
    half.get(tasks)
    set_up(whole)
    whole.get(tasks)
    with without("erebus"):
        assert whole.get(tasks).status_code == 200
        assert half.get(tasks).status_code == 503
        assert half.post(reverse("admin:two_factor_code"), {"code": "1"}).status_code == 503


def test_during_an_outage_who_lost_the_second_factor_before_is_not_believed(ada: User) -> None:
    tasks = page("agents_app.Task", "changelist")
    lost = browser(ada)
    set_up(lost)
    assert lost.get(tasks).status_code == 200
    call_command("reset_two_factor", "ada", no_input=True, stdout=io.StringIO())
    with without("erebus"):
        assert lost.get(tasks).status_code == 503


def test_who_has_not_come_further_can_leave(ada: User) -> None:
    client = browser(ada)
    assert client.post(reverse("admin:two_factor_leave")).status_code == 302
    assert not client.session.get("_auth_user_id")
