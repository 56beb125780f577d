"""The page of an engram: what it says and said, who wrote which version, how they differ, where it comes from."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from tests.integration import adminpages
from tests.integration.adminpages import agents, insert_engram, page

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

ENGRAM, HISTORY = "agents_app.Engram", "agents_app.EngramHistory"
#: A version that the trail says was replaced at this moment.
REPLACED = (
    "INSERT INTO engram_history (engram_id, version, content, summary, changed_by, change_reason, created_at) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


@pytest.fixture
def client() -> Client:
    return adminpages.viewer()


def insert_trail(**columns: Any) -> Any:
    """Insert an engram made by carl on the 1st, rewritten by ann on the 2nd and by bob on the 3rd of January 2026."""
    given = {
        "content": '{"a": 3, "list": ["x", "y"]}',
        "summary": "three",
        "version": 3,
        "created_by": "carl",
        "created_at": "2026-01-01T12:00Z",
        "tags": ["kept", "new"],
    }
    key = insert_engram(**{**given, **columns})
    agents.run(REPLACED, [key, 1, '{"a": 1}', "one", "ann", "typo", "2026-01-02T12:00Z"])
    agents.run(REPLACED, [key, 2, '{"a": 2, "list": ["y"]}', "two", "bob", None, "2026-01-03T12:00Z"])
    return key


def section(client: Client, address: str, name: str, **query: Any) -> str:
    """Return the text of one section of the page, with single spaces."""
    response = client.get(address, query)
    assert response.status_code == 200
    html = response.content.decode()
    found = re.search(rf'<section class="ns-section" id="engram-{name}".*?</section>', html, re.DOTALL)
    assert found, f"no section {name}"
    return " ".join(unescape(strip_tags(found[0].replace("><", "> <"))).split())


def engram_section(client: Client, key: Any, name: str, **query: Any) -> str:
    return section(client, page(ENGRAM, "change", key), name, **query)


class TestVersions:
    def test_each_is_shown_with_who_wrote_it_not_with_who_replaced_it(self, client: Client) -> None:
        said = engram_section(client, insert_trail(), "versions")
        third, second, first = re.search(r"(3 ✓ current .*) (2 .*) (1 .*)", said).groups()  # type: ignore[union-attr]
        assert "bob" in third
        assert "typo" not in third
        assert "ann typo" in second
        assert "carl created" in first

    def test_a_hundred_are_not_listed_but_linked(self, client: Client) -> None:
        key = insert_engram(version=101)
        for version in range(1, 101):
            agents.run(REPLACED, [key, version, "{}", None, "ann", None, "2026-01-02T12:00Z"])
        said = engram_section(client, key, "versions")
        assert "See all versions" in said
        assert said.count("ann") == 15
        html = client.get(page(ENGRAM, "change", key)).content.decode()
        listed = client.get(page(HISTORY, "changelist"), {"engram_id": key})
        assert f"{page(HISTORY, 'changelist')}?engram_id={key}" in html
        assert "100 " in listed.content.decode()

    def test_a_service_that_wrote_the_current_version_into_the_history_is_not_shown_twice(self, client: Client) -> None:
        key = insert_trail()
        agents.run(REPLACED, [key, 3, '{"a": 3}', "three", "service", None, "2026-01-04T12:00Z"])
        said = engram_section(client, key, "versions")
        assert said.count("bob") == 1

    def test_the_first_version_alone(self, client: Client) -> None:
        key = insert_engram(created_by="carl")
        assert "carl created" in engram_section(client, key, "versions")
        assert "only one version" in engram_section(client, key, "differences")


class TestDifferences:
    def test_the_last_two_versions_by_default(self, client: Client) -> None:
        said = engram_section(client, insert_trail(), "differences")
        assert "From version 2 to version 3, by path" in said
        assert "/a ± changed 2 3" in said
        assert '/list/0 + added "x"' in said
        assert "+ kept (added) + new (added)" in said
        assert "1 - two 1 + three" in said
        assert '2 - "a": 2, 2 + "a": 3,' in said

    def test_any_two_can_be_chosen_and_the_address_keeps_the_choice(self, client: Client) -> None:
        key = insert_trail()
        said = engram_section(client, key, "differences", **{"from": "3", "to": "1"})
        assert "From version 3 to version 1, by path" in said
        assert '/list - removed ["x", "y"]' in said
        assert "/a ± changed 3 1" in said
        html = client.get(page(ENGRAM, "change", key), {"from": "3", "to": "1"}).content.decode()
        assert re.findall(r'<option value="(\d)" selected>', html) == ["3", "1"]

    def test_one_with_itself(self, client: Client) -> None:
        said = engram_section(client, insert_trail(), "differences", **{"from": "2", "to": "2"})
        assert "Both are version 2: there is nothing to compare." in said

    def test_the_content_is_shown_as_text(self, client: Client) -> None:
        key = insert_trail(content='{"a": "<script>alert(1)</script>"}', summary="<b>")
        html = client.get(page(ENGRAM, "change", key)).content.decode()
        assert "<script>alert" not in html
        assert "&lt;b&gt;" in html


class TestMoments:
    @pytest.mark.parametrize(
        ("at", "said"),
        [
            ("2026-01-01T11:59:59", "did not exist yet: it was made on 2026-01-01 at 12:00:00 UTC"),
            ("2026-01-01T12:00:00", "Version 1 (the latest is 3)"),
            ("2026-01-02T11:59:59", "Version 1 (the latest is 3)"),
            ("2026-01-02T12:00:00", "Version 2 (the latest is 3)"),
            ("2026-01-02T14:59:59+03:00", "Version 1 (the latest is 3)"),
            ("2026-01-03T12:00", "Version 3"),
            ("2026-01-03", "Version 2 (the latest is 3)"),
            ("8999-01-01T00:00", "Version 3"),
            ("1899-01-01T00:00", "is no moment"),
            ("0001-01-01T00:00:00+14:00", "is no moment"),
            ("9999-12-31T23:59:59-14:00", "is no moment"),
            ("2026-02-30T12:00", "is no moment"),
            ("yesterday", "is no moment"),
            ("\x00", "is no moment"),
            ("x" * 5000, "is no moment"),
        ],
    )
    def test_the_version_that_was_current(self, at: str, said: str, client: Client) -> None:
        assert said in engram_section(client, insert_trail(), "moment", at=at)

    def test_it_is_shown_as_it_was(self, client: Client) -> None:
        said = engram_section(client, insert_trail(), "moment", at="2026-01-02T13:00")
        assert 'two { 2 } a: 2 list: [ 1 ] "y" What has changed since then' in said

    def test_nobody_asked(self, client: Client) -> None:
        assert "it said:" not in engram_section(client, insert_trail(), "moment", at=" ")


class TestLineage:
    def test_ancestors_and_forks_with_the_engram_marked(self, client: Client) -> None:
        keys: list[Any] = [insert_engram(key="root")]
        for name in ("parent", "itself", "fork", "fork.of.fork"):
            keys.append(insert_engram(key=name, parent_id=keys[-1]))
        insert_engram(key="sister", parent_id=keys[1])
        said = engram_section(client, keys[2], "lineage")
        names = re.findall(r"([a-z.]+) v1( \(this one\))?", said)
        marked = [("root", ""), ("parent", ""), ("itself", " (this one)"), ("fork", ""), ("fork.of.fork", "")]
        assert names == marked
        for key in (*keys[:2], *keys[3:]):
            assert (
                f'href="{page(ENGRAM, "change", key)}"' in client.get(page(ENGRAM, "change", keys[2])).content.decode()
            )

    def test_an_original_without_forks(self, client: Client) -> None:
        assert "An original that nobody has forked." in engram_section(client, insert_engram(), "lineage")

    def test_a_fork_whose_parent_is_gone(self, client: Client) -> None:
        root = insert_engram()
        fork = insert_engram(parent_id=root)
        agents.run("DELETE FROM engrams WHERE id = %s", [root])
        said = engram_section(client, fork, "lineage")
        assert f"forked from an engram that is gone; its first ancestor was {root}" in said

    @pytest.mark.parametrize("length", [2, 3])
    def test_a_circle_made_with_sql_ends(self, length: int, client: Client) -> None:
        keys = [insert_engram(key=f"round{number}") for number in range(length)]
        for number, key in enumerate(keys):
            agents.run("UPDATE engrams SET parent_id = %s WHERE id = %s", [keys[number - 1], key])
        said = engram_section(client, keys[0], "lineage")
        for number in range(length):
            assert said.count(f"round{number} v1") == 1

    def test_an_engram_that_is_its_own_parent(self, client: Client) -> None:
        key = insert_engram()
        agents.run("UPDATE engrams SET parent_id = id WHERE id = %s", [key])
        assert "nobody has forked" in engram_section(client, key, "lineage")

    def test_long_lines_and_many_forks_are_cut_off_and_said_to_be(self, client: Client) -> None:
        keys: list[Any] = [insert_engram()]
        for _ in range(22):
            keys.append(insert_engram(parent_id=keys[-1]))
        for _ in range(60):
            insert_engram(parent_id=keys[-1])
        said = engram_section(client, keys[-1], "lineage")
        assert "Older ancestors are left out." in said
        assert "There are more forks than are shown." in said
        assert said.count(" v1") == 20 + 1 + 50


class TestGone:
    def test_the_address_of_the_engram_leads_to_its_trail(self, client: Client) -> None:
        key = insert_trail()
        agents.run("SELECT set_config('nullstore.actor', 'dora', true)")
        agents.run("DELETE FROM engrams WHERE id = %s", [key])
        response = client.get(page(ENGRAM, "change", key), follow=True)
        said = response.content.decode()
        assert "This engram is gone. Its trail is still here." in said
        address = response.redirect_chain[-1][0]
        versions = section(client, address, "versions")
        assert "by dora (deleted). Its versions stay." in versions
        assert re.findall(r"\b([123]) (?:[\d.]+ \w+|-)", versions)[:1] == ["3"]
        assert "Version 3, the last one: the engram is gone" in section(client, address, "content")
        assert "From version 2 to version 3" in (differences := section(client, address, "differences"))
        assert "There is no version" not in differences
        assert "There is no version 4" in section(client, address, "differences", to="4")
        assert "was deleted before that moment" in section(client, address, "moment", at="8000-01-01")
        long_ago = section(client, address, "moment", at="1950-01-01")
        assert "when it was made is not known: at that moment it said nothing yet, or what its first" in long_ago
        assert "it said:" not in long_ago
        assert "it said: Version 2" in section(client, address, "moment", at="2026-01-02T13:00")
        assert "From version 1 to version 3" in section(client, address, "differences", **{"from": "1", "to": "3"})


class TestPastVersions:
    def test_the_page_of_one_compares_it_with_the_next(self, client: Client) -> None:
        key = insert_trail()
        row = agents.value("SELECT id FROM engram_history WHERE engram_id = %s AND version = 1", [key])
        address = page(HISTORY, "change", row)
        assert "Version 1 (the latest is 3)" in section(client, address, "content")
        assert "From version 1 to version 2" in section(client, address, "differences")
        html = client.get(address).content.decode()
        assert f'href="{page(ENGRAM, "change", key)}"' in html

    def test_the_list_finds_them_by_engram_and_by_who_replaced_them(self, client: Client) -> None:
        key = insert_trail()
        for query, count in (
            ({"engram_id": key}, 2),
            ({"changed_by": "ann"}, 1),
            ({"q": "bo"}, 1),
            ({"q": str(key)}, 2),
            ({"changed_by": "dora"}, 0),
        ):
            html = client.get(page(HISTORY, "changelist"), query).content.decode()
            assert html.count("field-version") == count, query

    def test_nobody_writes_it(self) -> None:
        key = insert_trail()
        row = agents.value("SELECT id FROM engram_history WHERE engram_id = %s LIMIT 1", [key])
        assert adminpages.superuser().post(page(HISTORY, "change", row), {"version": "9"}).status_code == 403
