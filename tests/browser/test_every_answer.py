"""Pages that no address leads to, only a form: what axe-core has against what the console answers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.addresses import row_for
from tests.browser.axe import violations
from tests.browser.site import Site, Visit
from tests.integration.adminpages import page

Open = Callable[..., Visit]

pytestmark = pytest.mark.slow

KEY = "erebus_app.AgentApiKey"


def look(visit: Open, address: str, name: str = "root") -> Page:
    return visit(name, address, bypass_csp=True, color_scheme="light").page


def assert_usable(shown: Page) -> None:
    found = violations(shown)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("label", ["agents_app.Task", KEY])
def test_a_form_that_was_refused(label: str, visit: Open) -> None:
    shown = look(visit, page(label, "add"))
    shown.get_by_role("button", name="Save", exact=True).click()
    expect(shown.locator(".errornote")).to_contain_text("Please correct the error")
    expect(shown.locator(".errorlist").first).to_contain_text("This field is required.")
    assert_usable(shown)


def test_a_value_that_was_refused_in_an_existing_row(visit: Open) -> None:
    row = row_for("erebus_app.Wallet", "to edit", lambda each: each.chain == "ethereum")
    shown = look(visit, page("erebus_app.Wallet", "change", row.pk))
    shown.get_by_label("Address").fill("0x")
    shown.get_by_role("button", name="Save", exact=True).click()
    expect(shown.locator(".errorlist")).to_be_visible()
    assert_usable(shown)


@pytest.mark.parametrize(
    ("label", "action", "asks"),
    [
        ("agents_app.Task", "cancel", "2 selected"),
        # What of a listing is in use cannot go along.
        ("erebus_app.Listing", "delete_selected", "protected related objects"),
        ("erebus_app.Review", "delete_selected", "Are you sure"),
    ],
)
def test_a_question_about_many(label: str, action: str, asks: str, visit: Open) -> None:
    shown = look(visit, page(label, "changelist"))
    for number in range(2):
        shown.locator("input.action-select").nth(number).check()
    shown.locator("select[name=action]").select_option(action)
    shown.get_by_role("button", name="Go", exact=True).click()
    expect(shown.locator("#content")).to_contain_text(asks)
    assert_usable(shown)


def test_a_question_that_was_answered_without_a_reason(visit: Open) -> None:
    row = row_for(KEY, "to revoke", lambda each: each.revoked_at is None)
    shown = look(visit, page(KEY, "change", row.pk))
    shown.get_by_role("link", name="Revoke").click()
    # The browser itself would not send it.
    shown.locator("#content-main form").evaluate("form => { form.noValidate = true; }")
    shown.get_by_role("button", name="Revoke").click()
    expect(shown.locator(".errorlist")).to_contain_text("This field is required.")
    assert_usable(shown)


def test_the_secret_itself(site: Site, visit: Open) -> None:
    row = row_for(KEY, "to reveal", lambda each: each.revoked_at is None)
    shown = look(visit, page(KEY, "change", row.pk), "kim")
    shown.get_by_role("link", name="Reveal").click()
    shown.get_by_label("Reason").fill("to look at the page")
    shown.get_by_label("Your password").fill(site.password)
    shown.get_by_role("button", name="Reveal").click()
    expect(shown.locator("#secret")).to_be_visible()
    assert_usable(shown)
