"""Fixtures of the tests that use the console as staff do: a browser, the site with rows, a person of each role."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext

from tests.browser.chromium import chromium
from tests.browser.site import PEOPLE, Site, Visit, running_site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, in which Django then refuses to talk to a database.
    with pytest.MonkeyPatch.context() as patch, chromium() as running:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running
    # Beside that loop Django has kept connections of before, to a server that a test here has stopped meanwhile.
    connections.close_all()


@pytest.fixture(scope="package")
def site(browser: Browser, django_db_setup: None, django_db_blocker: object) -> Iterator[Site]:
    """The console with a small sample in both databases, which are empty again afterwards."""
    with django_db_blocker.unblock(), running_site() as running:  # type: ignore[attr-defined]
        yield running


@pytest.fixture(scope="package")
def logins(browser: Browser, site: Site) -> dict[str, dict]:
    """What the browser keeps of the login of each person, who logged in by the form."""
    return {name: _log_in(browser, site, name) for name in PEOPLE}


def _log_in(browser: Browser, site: Site, name: str) -> dict:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def visit(browser: Browser, site: Site, logins: dict[str, dict]) -> Iterator[Callable[..., Visit]]:
    """Open a page as a person; at the end no page may have said anything to the console, or broken the policy."""
    visits: list[Visit] = []

    def begin(name: str, path: str = "/admin/", **options: object) -> Visit:
        context: BrowserContext = browser.new_context(base_url=site.url, storage_state=logins[name], **options)
        visits.append(Visit(context))
        visits[-1].page.goto(path)
        return visits[-1]

    yield begin
    complaints = [complaint for each in visits for complaint in each.complaints]
    for each in visits:
        each.context.close()
    assert complaints == []
