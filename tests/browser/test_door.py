"""The door in a real browser: the second factor from the first page to the recovery codes, and the lockout."""

from collections.abc import Callable, Iterator

import pytest
from axes.models import AccessAttempt, AccessFailureLog
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page

from nullstore.door.models import TotpDevice
from tests.browser.axe import violations
from tests.browser.site import Site, Visit
from tests.integration.door.test_two_factor import code_of
from tests.integration.walking import session_of

Look = Callable[[str], None]

PHONE = {"width": 375, "height": 720}


@pytest.fixture(autouse=True)
def two_factor(site: Site) -> Iterator[None]:
    """On, for somebody who has no device yet."""
    User.objects.create_user("nora", password=site.password, is_staff=True, is_superuser=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "NULLSTORE_TWO_FACTOR", True)
        yield
    for model in (TotpDevice, AccessAttempt, AccessFailureLog):
        model.objects.all().delete()
    User.objects.filter(username="nora").delete()


@pytest.fixture(params=["by eye", "on a phone"])
def seen(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Visit]:
    """Somebody who is not logged in; on a phone with the policy, which axe-core has to be let past."""
    phone = request.param == "on a phone"
    context = browser.new_context(
        base_url=site.url, color_scheme="light", bypass_csp=not phone, **({"viewport": PHONE} if phone else {})
    )
    visit = Visit(context)
    yield visit
    context.close()
    said = [each for each in visit.complaints if "status of 429" not in each]
    assert said == []


@pytest.fixture
def look(seen: Visit, request: pytest.FixtureRequest) -> Look:
    """Everybody can use the page: axe-core has nothing against it, and a phone shows the whole width."""

    def check(title: str) -> None:
        assert seen.page.locator("h1").inner_text() == title
        if "on a phone" in request.node.name:
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        else:
            seen.page.emulate_media(color_scheme="light")
            assert violations(seen.page) == []

    return check


def log_in(page: Page, password: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("nora")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_second_factor_is_set_up_and_then_asked_for(seen: Visit, site: Site, look: Look) -> None:
    page = seen.page
    log_in(page, site.password)
    look("Set up two-factor")
    assert page.get_by_role("img", name="QR code").bounding_box()["width"] > 150  # type: ignore[index]
    secret = page.locator("code.ns-code").inner_text().replace(" ", "")
    page.get_by_role("textbox", name="Code").fill("000000")
    page.get_by_role("button", name="Set up").click()
    look("Set up two-factor")
    page.get_by_role("textbox", name="Code").fill(code_of(secret))
    page.get_by_role("button", name="Set up").click()
    look("Recovery codes")
    codes = page.locator(".ns-recovery code").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    look("Overview")
    page.get_by_role("link", name="Two-factor", exact=True).click()
    look("Two-factor")
    page.get_by_role("button", name="Log out").click()
    log_in(page, site.password)
    look("Second factor")
    page.get_by_role("textbox", name="Code").fill("nonsense")
    page.get_by_role("button", name="Go on").click()
    look("Second factor")
    TotpDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    page.get_by_role("textbox", name="Code").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    look("Overview")


def test_who_fails_too_often_is_told_until_when(seen: Visit, look: Look) -> None:
    for _ in range(settings.NULLSTORE_LOGIN_ATTEMPTS):
        log_in(seen.page, "a wrong password")
    look("Locked out")


def test_what_superusers_see_of_the_door_can_be_used(seen: Visit, site: Site, look: Look) -> None:
    session = session_of(User.objects.get(username="nora"))
    seen.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": site.url}])
    tried = {"username": "olaf", "ip_address": "2001:db8:0:1::", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) " * 4}
    rows = {
        "unlock": AccessAttempt.objects.create(**tried, failures_since_start=5),
        "": AccessFailureLog.objects.create(**tried, locked_out=True),
        "remove": TotpDevice.objects.get(),
    }
    for action, row in rows.items():
        place = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        pages = [reverse(f"{place}_changelist"), reverse(f"{place}_change", args=[row.pk])]
        pages += [reverse(f"{place}_{action}", args=[row.pk])] if action else []
        for address in pages:
            answer = seen.page.goto(address)
            assert (answer.status, seen.page.url) == (200, f"{site.url}{address}")  # type: ignore[union-attr]
            look(seen.page.locator("h1").inner_text())
    for app in ("axes", "door"):
        seen.page.goto(reverse("admin:app_list", args=[app]))
        look(seen.page.locator("h1").inner_text())
