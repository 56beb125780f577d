"""Every page in a real browser: nothing on its console, nothing against its policy, nothing serious for axe-core."""

from collections.abc import Callable

import pytest

from tests.browser.addresses import CONSOLE, pages_of
from tests.browser.axe import violations
from tests.browser.site import Visit
from tests.integration.adminpages import MODELS

Open = Callable[..., Visit]

pytestmark = pytest.mark.slow

PHONE = {"width": 375, "height": 720}
#: What the browser itself says of a page that is not there.
NOT_FOUND = "the server responded with a status of 404"


@pytest.mark.parametrize("label", sorted(MODELS))
def test_the_pages_of_a_table_can_be_used_by_everybody(label: str, visit: Open) -> None:
    seen = visit("root", bypass_csp=True, color_scheme="light")
    found = []
    for address in pages_of(label):
        seen.page.emulate_media(color_scheme="light")
        answer = seen.page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        found += [f"{address}: {said}" for said in violations(seen.page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(CONSOLE))
def test_the_pages_of_no_table_can_be_used_by_everybody(name: str, visit: Open) -> None:
    seen = visit("root", bypass_csp=True, color_scheme="light")
    seen.page.goto(CONSOLE[name]())
    found = violations(seen.page)
    assert not found, "\n".join(found)
    _forget_that_it_is_missing(seen)


def test_the_login_can_be_used_by_everybody(visit: Open) -> None:
    seen = visit("root", bypass_csp=True, color_scheme="light")
    seen.context.clear_cookies()
    seen.page.goto("/admin/")
    assert violations(seen.page) == []


@pytest.mark.parametrize("label", sorted(MODELS))
def test_on_a_phone_the_pages_of_a_table_keep_the_policy_and_its_width(label: str, visit: Open) -> None:
    """What the policy refuses the browser writes to its console, which `visit` reads at the end."""
    seen = visit("root", viewport=PHONE)
    found = [f"{address}: {wide} px" for address in pages_of(label) if (wide := _too_wide(seen, address))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(CONSOLE))
def test_on_a_phone_the_pages_of_no_table_keep_the_policy_and_its_width(name: str, visit: Open) -> None:
    seen = visit("root", viewport=PHONE)
    assert _too_wide(seen, CONSOLE[name]()) is None
    _forget_that_it_is_missing(seen)


def _too_wide(seen: Visit, address: str) -> int | None:
    """Return the width of the page if it has to be scrolled sideways as a whole."""
    seen.page.goto(address)
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    return width if width > PHONE["width"] else None


def _forget_that_it_is_missing(seen: Visit) -> None:
    seen.complaints[:] = [complaint for complaint in seen.complaints if NOT_FOUND not in complaint]
