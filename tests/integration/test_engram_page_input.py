"""The pages of engrams with what anybody can put into the address, and with documents of any size and depth."""

import json
import time
from typing import Any

import pytest
from django.test import Client

from tests.integration import adminpages
from tests.integration.adminpages import agents, errors, fields, insert_engram, page, record, saved, submit
from tests.integration.test_engram_page import ENGRAM, HISTORY, engram_section, insert_trail, section

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("9", "There is no version 9."),
        ("2147483647", "There is no version 2147483647."),
        ("2147483648", "“2147483648” is no version"),
        ("0", "“0” is no version"),
        ("-1", "“-1” is no version"),
        ("1.0", "“1.0” is no version"),
        ("²", "“²” is no version"),
        ("٣", "“٣” is no version"),
        ("' OR 1=1 --", "is no version"),
        ("<script>", "“<script>” is no version"),
        ("\x00", "is no version"),
        ("9" * 5000, "is no version"),
    ],
)
def test_a_version_that_is_none_is_a_message(name: str, given: str, said: str, client: Client) -> None:
    assert said in engram_section(client, insert_trail(), "differences", **{name: given})


def test_a_choice_that_is_left_empty_is_the_default(client: Client) -> None:
    said = engram_section(client, insert_trail(), "differences", **{"from": "", "to": " "})
    assert "From version 2 to version 3" in said


@pytest.mark.parametrize("key", ["no-id", "\x00", "00000000-0000-4000-8000-000000000000", "x" * 3000, "_00"])
def test_an_engram_that_never_was_is_a_message(key: str, client: Client) -> None:
    answer = client.get(page(ENGRAM, "change", key), follow=True)
    assert answer.status_code == 200
    assert "Perhaps it was deleted" in answer.content.decode()


class TestSizes:
    def test_a_megabyte_answers_in_time(self, client: Client) -> None:
        facts = [{"id": number, "text": f"fact {number} " * 5} for number in range(14_000)]
        old = json.dumps(facts)
        assert len(old) > 1_000_000
        key = insert_engram(content=old)
        agents.run("UPDATE engrams SET content = jsonb_set(content, '{9000,text}', '\"other\"') WHERE id = %s", [key])
        began = time.perf_counter()
        said = engram_section(adminpages.viewer(), key, "differences")
        assert time.perf_counter() - began < 5
        assert "Documents of more than 30,000 characters are not compared by path." in said
        assert '+ "text": "other"' in said

    def test_a_document_that_is_nested_too_deeply_is_shown_as_text(self, client: Client) -> None:
        key = insert_engram(content="1")
        agents.run("UPDATE engrams SET content = %s WHERE id = %s", [DEEP, key])
        assert "Nested too deeply" in engram_section(client, key, "content")
        assert "more than 50 levels" in engram_section(client, key, "differences")
        assert client.post(page(ENGRAM, "change", key), {}).status_code == 403
        assert client.get(page(ENGRAM, "changelist")).status_code == 200

    def test_so_is_a_past_version(self, client: Client) -> None:
        key = insert_engram(content=DEEP)
        agents.run("UPDATE engrams SET content = '1' WHERE id = %s", [key])
        row = agents.value("SELECT id FROM engram_history WHERE engram_id = %s", [key])
        assert "Nested too deeply" in section(client, page(HISTORY, "change", row), "content")

    def test_any_text_is_shown(self, client: Client) -> None:
        content = {"": "\u2028\u202e\U0001f600 \x7f", "\u202e": ["\\", '"', "\r\n", "]]>", "{{ x }}", "%s"]}
        key = insert_engram(content="0", summary="﷽\r\n\t", tags=["", "a,b", "😀"])
        agents.run("UPDATE engrams SET content = %s WHERE id = %s", [json.dumps(content), key])
        assert "{{ x }}" in engram_section(client, key, "content")
        assert "{{ x }}" in engram_section(client, key, "differences")


class TestForm:
    @pytest.mark.parametrize("typed", ["{}", "[]", '""', "0", "false", '{"a": null}'])
    def test_any_document_can_be_stored(self, typed: str, client: Client) -> None:
        key = insert_engram()
        saved(submit(client, page(ENGRAM, "change", key), content=typed, reason="r"), ENGRAM)
        assert record(ENGRAM, key)["content"] == json.loads(typed)

    @pytest.mark.parametrize("typed", ["", "{", "NaN", "null", "[" * 100_000, "\x00"])
    def test_no_other_text_is_taken_and_what_was_typed_stays(self, typed: str, client: Client) -> None:
        key = insert_engram()
        answer = submit(client, page(ENGRAM, "change", key), content=typed, reason="why")
        assert "'content'" in errors(answer)
        assert (fields(answer)["content"], fields(answer)["reason"]) == (typed, "why")
        assert record(ENGRAM, key)["version"] == 1

    def test_a_summary_of_any_length_can_be_stored_and_searched(self, client: Client) -> None:
        key = insert_engram()
        long = "raccoon " + " ".join(f"word{number}" for number in range(300_000))
        agents.run("UPDATE engrams SET summary = %s WHERE id = %s", [long, key])
        assert found(client, q="raccoons") == [key]

    def test_who_wrote_and_why_are_shown_at_once(self, client: Client) -> None:
        key = insert_engram()
        saved(submit(client, page(ENGRAM, "change", key), content='{"b": 2}', reason="better so"), ENGRAM)
        assert "better so" in engram_section(client, key, "versions")
        assert agents.value("SELECT action FROM ops_actions WHERE target_id = %s", [str(key)]) == "change"


def found(client: Client, **query: str) -> list[Any]:
    """Return the ids in the list, in its order."""
    response = client.get(page(ENGRAM, "changelist"), query)
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


class TestList:
    @pytest.mark.parametrize(
        "query",
        [
            {"engram_type": "strategy"},
            {"wallet_address": "0xmine"},
            {"tags": "wanted"},
            {"is_public": "1"},
            {"is_mintable": "1"},
            {"expired": "yes"},
            {"q": "some.key.of"},
            {"q": "0xmi"},
            {"q": "raccoon"},
            {"q": "the raccoons eating"},
            {"q": '"raccoon eats"'},
            {"q": "eat -otters"},
        ],
    )
    def test_filters_and_searches_find_it_alone(self, query: dict[str, str], client: Client) -> None:
        insert_engram(summary="Otters eat.", tags=["wanted too"], ttl_seconds=10**9)
        wanted = insert_engram(
            engram_type="strategy",
            wallet_address="0xmine",
            key="some.key.of.mine",
            tags=["wanted", "other"],
            is_public=True,
            is_mintable=True,
            ttl_seconds=60,
            created_at="2026-01-01T12:00Z",
            summary="The raccoon eats, and wants.",
        )
        assert found(client, **query) == [wanted]

    def test_what_expires_when(self, client: Client) -> None:
        never = insert_engram()
        later = insert_engram(ttl_seconds=1000)
        past = insert_engram(ttl_seconds=60, created_at="2026-01-01T12:00Z")
        long_ago_but_long = insert_engram(ttl_seconds=2**31 - 1, created_at="2026-01-01T12:00Z")
        assert found(client, expired="never") == [never]
        assert found(client, expired="yes") == [past]
        assert found(client, expired="later") == [later, long_ago_but_long]
        assert "expired" in client.get(page(ENGRAM, "changelist")).content.decode()

    def test_an_empty_table_has_nothing_that_expires(self, client: Client) -> None:
        assert found(client, expired="yes") == found(client, expired="later") == []

    @pytest.mark.parametrize(
        "query",
        [
            {"q": "\x00"},
            {"q": "'"},
            {"q": "& | ! : * ( <->"},
            {"q": "%_\\"},
            {"q": '"open'},
            {"q": "x" * 20_000},
            {"q": "the"},
            {"tags": "\x00"},
            {"tags": "{a,b}"},
            {"wallet_address": "x" * 300},
            {"expired": "no-such"},
            {"engram_type": "no-such"},
            {"is_public": "maybe"},
        ],
    )
    def test_anything_else_finds_nothing(self, query: dict[str, str], client: Client) -> None:
        insert_engram(summary="something", ttl_seconds=5)
        assert found(client, **query) == []
