"""Every page in a real browser: nothing on its console, nothing against its policy, nothing serious for axe-core."""

from collections.abc import Callable
from urllib.parse import unquote

import pytest

from tests.browser.addresses import CONSOLE, MISSING, pages_of
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
        _go(seen, address)
        found += [f"{address}: {said}" for said in violations(seen.page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(CONSOLE))
def test_the_pages_of_no_table_can_be_used_by_everybody(name: str, visit: Open) -> None:
    seen = visit("root", bypass_csp=True, color_scheme="light")
    _go_to_console(seen, name)
    found = violations(seen.page)
    assert not found, "\n".join(found)


def test_the_login_can_be_used_by_everybody(visit: Open) -> None:
    seen = visit("root", bypass_csp=True, color_scheme="light")
    seen.context.clear_cookies()
    seen.page.goto("/admin/")
    assert violations(seen.page) == []


@pytest.mark.parametrize("label", sorted(MODELS))
def test_on_a_phone_the_pages_of_a_table_keep_the_policy_and_its_width(label: str, visit: Open) -> None:
    """What the policy refuses the browser writes to its console, which `visit` reads at the end."""
    seen = visit("root", viewport=PHONE)
    found = []
    for address in pages_of(label):
        _go(seen, address)
        if wide := _too_wide(seen):
            found.append(f"{address}: {wide} px")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(CONSOLE))
def test_on_a_phone_the_pages_of_no_table_keep_the_policy_and_its_width(name: str, visit: Open) -> None:
    seen = visit("root", viewport=PHONE)
    _go_to_console(seen, name)
    assert _too_wide(seen) is None


def _go(seen: Visit, address: str, status: int = 200) -> None:
    """Open the page and no other: one that leads elsewhere would be looked at in its place."""
    answer = seen.page.goto(address)
    assert answer is not None
    assert (answer.status, unquote(seen.page.url).partition("/admin/")[2]) == (
        status,
        unquote(address).partition("/admin/")[2],
    )


def _go_to_console(seen: Visit, name: str) -> None:
    if name != MISSING:
        _go(seen, CONSOLE[name]())
        return
    _go(seen, CONSOLE[name](), status=404)
    seen.complaints[:] = [complaint for complaint in seen.complaints if NOT_FOUND not in complaint]


def _too_wide(seen: Visit) -> int | None:
    """Return the width of the page if it has to be scrolled sideways as a whole."""
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    return width if width > PHONE["width"] else None
