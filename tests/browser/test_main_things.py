"""The main things that staff do, each as the person whose job it is."""

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.db import connections
from playwright.sync_api import Error, Page, expect

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import add_key
from nullstore.actor import Actor
from nullstore.replication.fence import wait_until_replicated
from tests.browser.site import Site, Visit
from tests.integration import erebus_rows
from tests.integration.adminpages import agents, insert_engram, insert_task, page, record
from tests.servers import Pair

Open = Callable[..., Visit]

TASK = "agents_app.Task"
ENGRAM = "agents_app.Engram"
KEY = "erebus_app.AgentApiKey"
LISTING = "erebus_app.Listing"
SECRET = "sk-ant-api03-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2"
OTHER = "sk-ant-api03-Gh47bX2sQmJyVd5nTk86LwPzCeRa9UfB1"

#: Milliseconds: a look may take until a dead server is given up, then the page asks again.
PATIENCE = 30_000
#: The word, which "broken" holds too.
OK = re.compile(r"\bok\b")


def test_a_user_is_found_followed_to_a_stuck_task_and_it_is_canceled(visit: Open) -> None:
    email = f"{uuid4()}@example.com"
    user = erebus_rows.insert("user_references", source_identifier=email, network="email", email=email)["id"]
    wait_until_replicated(timeout=30)
    task = insert_task(name="the stuck one", status="working", user_id=user)
    olaf = visit("olaf").page
    olaf.goto(page("erebus_app.UserReference", "changelist"))
    # Not the box of the role: that filters Django's list of tables at the side.
    olaf.locator("#searchbar").fill(email)
    olaf.get_by_role("button", name="Search").click()
    expect(olaf.locator("#result_list tbody tr")).to_have_count(1)
    olaf.get_by_role("link", name=email).first.click()
    olaf.get_by_role("link", name="the stuck one").click()
    expect(olaf.locator("#content")).to_contain_text("working")
    olaf.get_by_role("link", name="Cancel task").click()
    olaf.get_by_label("Reason").fill("nobody needs it")
    olaf.get_by_role("button", name="Cancel task").click()
    expect(olaf.locator(".messagelist")).to_contain_text("Canceled: 1 task.")
    expect(olaf.get_by_role("link", name="Cancel task")).to_have_count(0)
    assert record(TASK, task)["status"] == "canceled"
    expect(olaf.locator("#staff-actions")).to_contain_text("nobody needs it")


def test_two_versions_of_an_engram_are_compared_and_the_older_one_comes_back(visit: Open) -> None:
    key = insert_engram(content='{"tone": "formal", "kept": 1}')
    for tone in ("dry", "warm"):
        agents.run(
            "UPDATE engrams SET content = jsonb_set(content, '{tone}', to_jsonb(%s::text)) WHERE id = %s", [tone, key]
        )
    olaf = visit("olaf", page(ENGRAM, "change", key)).page
    olaf.locator("#engram-from").select_option("1")
    olaf.locator("#engram-to").select_option("3")
    olaf.get_by_role("button", name="Compare").click()
    assert re.search(r"[?&]from=1&to=3", olaf.url)
    changes = olaf.get_by_role("region", name="Differences by path")
    expect(changes).to_contain_text("/tone")
    expect(changes).to_contain_text('"formal"')
    expect(changes).to_contain_text('"warm"')
    expect(changes).not_to_contain_text("kept")
    olaf.get_by_role("row", name=re.compile("^1 ")).get_by_role("link", name="Revert to this").click()
    olaf.get_by_label("Reason").fill("the tone was right at first")
    olaf.get_by_role("button", name="Revert to a version").click()
    expect(olaf.locator(".messagelist")).to_contain_text("Reverted: 1 engram.")
    assert (record(ENGRAM, key)["version"], record(ENGRAM, key)["content"]["tone"]) == (4, "formal")
    expect(olaf.locator("#engram-versions")).to_contain_text("the tone was right at first")


@pytest.fixture
def key(site: Site) -> AgentApiKey:
    row = AgentApiKey(agent_name=f"scribe {uuid4()}", provider="anthropic")
    add_key(row, SECRET, Actor("somebody"))
    return row


def test_a_key_is_rotated_and_its_secret_goes_in_without_coming_out(key: AgentApiKey, visit: Open) -> None:
    kim = visit("kim", page(KEY, "change", key.pk)).page
    kim.get_by_role("link", name="Rotate").click()
    kim.get_by_label("New secret").fill(OTHER)
    kim.get_by_label("Reason").fill("leaked")
    kim.get_by_role("button", name="Rotate").click()
    expect(kim.locator(".messagelist")).to_contain_text("Rotated: 1 API key.")
    assert OTHER not in kim.content()
    assert AgentApiKey.objects.get(pk=key.pk).reveal() == OTHER


def test_a_secret_is_revealed_once_to_its_custodian(key: AgentApiKey, site: Site, visit: Open) -> None:
    kim = visit("kim", page(KEY, "change", key.pk)).page
    kim.get_by_role("link", name="Reveal").click()
    kim.get_by_label("Reason").fill("to move it")
    kim.get_by_label("Your password").fill(site.password)
    kim.get_by_role("button", name="Reveal").click()
    expect(kim.locator("#secret")).to_have_text(SECRET)
    assert list(
        SecretAccessLog.objects.filter(api_key_id=key.pk, action="revealed").values_list("actor", "reason")
    ) == [("kim", "to move it")]
    kim.get_by_role("link", name="Done").click()
    assert SECRET not in kim.content()
    expect(kim.locator("#content")).to_contain_text("to move it")
    # The browser has kept no copy of the answer to show again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        kim.go_back()


def test_nobody_else_is_offered_to_see_a_secret(key: AgentApiKey, visit: Open) -> None:
    olaf = visit("olaf", page(KEY, "change", key.pk)).page
    expect(olaf.locator("#content h1, #content h2").first).to_be_visible()
    for name in ("Reveal", "Rotate", "Revoke"):
        expect(olaf.get_by_role("link", name=name)).to_have_count(0)


def test_a_listing_is_approved_from_the_review_queue(visit: Open) -> None:
    title = f"listing {uuid4()}"
    listing = erebus_rows.insert("crossroads_listings", title=title, created_at="2001-01-01")["id"]
    olaf = visit("olaf", page(LISTING, "changelist")).page
    olaf.get_by_role("link", name="Review queue").click()
    olaf.get_by_role("link", name=title).click()
    olaf.get_by_role("link", name="Approve").click()
    olaf.get_by_role("button", name="Approve").click()
    expect(olaf.locator(".messagelist")).to_contain_text("Approved: 1 listing.")
    assert record(LISTING, listing)["status"] == "approved"


@pytest.mark.parametrize("label", [TASK, ENGRAM, KEY, LISTING, "erebus_app.UserReference"])
def test_a_viewer_is_offered_nothing_that_changes_a_row(label: str, visit: Open) -> None:
    vera = visit("vera", page(label, "changelist")).page
    expect(vera.locator("select[name=action]")).to_have_count(0)
    # At the beginning: an id has letters too.
    expect(vera.get_by_role("link", name=re.compile("^Add"))).to_have_count(0)
    vera.locator("#result_list tbody th a").first.click()
    expect(vera.get_by_role("button", name=re.compile("Save|Delete"))).to_have_count(0)
    expect(vera.locator(".object-tools a")).to_have_text(["History"])


def test_who_is_nobody_gets_no_further_than_the_login(site: Site, browser: object) -> None:
    context = browser.new_context(base_url=site.url)  # type: ignore[attr-defined]
    nobody = context.new_page()
    nobody.goto(page(TASK, "changelist"))
    expect(nobody.get_by_role("button", name="Log in")).to_be_visible()
    assert "127.0.0.1:" not in nobody.locator("body").inner_text()
    context.close()


@pytest.fixture
def agents_server(pair: Pair, site: Site) -> Iterator[Pair]:
    """The pair, of which the test stops the subscriber's server; it runs again afterwards, and replicates."""
    yield pair
    pair.agents.start(pair.programs)
    connections["agents"].close()
    wait_until_replicated(timeout=30)


def test_without_a_reload_the_replication_page_turns_from_ok_to_broken_and_back(
    agents_server: Pair, visit: Open
) -> None:
    vera = visit("vera", "/admin/replication/").page
    vera.evaluate("document.body.dataset.notReloaded = 'yes'")
    verdict = vera.locator("#replication-verdict")
    expect(verdict).to_contain_text(OK, timeout=PATIENCE)
    expect_the_lag_of_now(vera)
    agents_server.agents.stop("immediate")
    expect(verdict).to_contain_text("broken", timeout=PATIENCE)
    expect(vera.locator("#replication-problems")).to_contain_text("subscriber_unreachable", timeout=PATIENCE)
    expect(vera.locator("#replication-charts figcaption").first).to_contain_text(": at least ", timeout=PATIENCE)
    agents_server.agents.start(agents_server.programs)
    expect(verdict).to_contain_text(OK, timeout=PATIENCE)
    assert vera.evaluate("document.body.dataset.notReloaded") == "yes"
    expect_the_lag_of_now(vera)


def expect_the_lag_of_now(shown: Page) -> None:
    """Both charts say how much it is now, not only how much at least, and have drawn it."""
    for unit, words in (("seconds", r"[\d.]+ (ms|s|min)"), ("bytes of WAL", r"[\d.]+ (bytes|[kMG]B)")):
        figure = shown.locator("#replication-charts figure").filter(has_text=f"Lag in {unit}")
        said = re.compile(rf"^Lag in {unit}: {words} now, {words} at most$")
        expect(figure.locator("figcaption")).to_have_text(said, timeout=PATIENCE)
        line = figure.locator("polyline").last
        expect(line).to_have_attribute("points", re.compile(r"^[\d.]+,[\d.]+( [\d.]+,[\d.]+)+$"))
