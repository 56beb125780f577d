"""Adding and changing rows through the forms: what is stored, and what is not touched."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration import adminpages
from tests.integration.adminpages import (
    CHANGEABLE,
    DELETABLE,
    EDITABLE,
    MODELS,
    errors,
    fields,
    insert_engram,
    insert_row,
    insert_task,
    log_of,
    page,
    record,
    saved,
    submit,
)
from tests.integration.erebus_rows import insert

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

SOME_SECRET = "sk-ant-0123456789-0123456789-0123456789-abcd"


def listing() -> dict[str, Any]:
    return {"listing": insert_row("erebus_app.Listing")}


#: What a person has to fill in, by table; everything else stays as the page offers it.
REQUIRED: dict[str, Callable[[], dict[str, Any]]] = {
    "erebus_app.UserReference": lambda: {"source_identifier": "ada@example.org", "network": "email"},
    "erebus_app.Wallet": lambda: {
        "user": insert_row("erebus_app.UserReference"),
        "address": f"0x{7:040x}",
        "chain": "base",
    },
    "erebus_app.AuthSession": lambda: {
        "user": insert_row("erebus_app.UserReference"),
        "token_hash": "0f" * 32,
        "expires_at_0": "2999-01-01",
        "expires_at_1": "00:00",
    },
    "erebus_app.AgentApiKey": lambda: {"agent_name": "scribe", "provider": "groq", "new_secret": SOME_SECRET},
    "erebus_app.Listing": lambda: {"listing_type": "tool", "title": "Loupe", "author": "ada"},
    "erebus_app.ListingVersion": lambda: {**listing(), "version": "2.0.0"},
    "erebus_app.Review": lambda: {**listing(), "reviewer_wallet": "w", "rating": "4"},
    "erebus_app.Favorite": lambda: {**listing(), "wallet_address": "w"},
    "erebus_app.Purchase": lambda: {**listing(), "buyer_wallet": "w", "price_paid_lamports": "0"},
    "erebus_app.Deployment": lambda: {**listing(), "deployer_wallet": "w", "status": "running"},
    "agents_app.Agent": lambda: {"name": "hecate", "agent_type": "orchestrator"},
    "agents_app.Task": lambda: {"name": "look"},
    "agents_app.Engram": lambda: {
        "wallet_address": "0xabc",
        "engram_type": "persona",
        "key": "a.b.c",
        "content": '{"name": "Zoë"}',
    },
}
#: Differs between two rows of the same content, or is the secret.
OWN = {"id", "context_id", "lineage_root_id", "secret", "created_at", "updated_at", "accessed_at", "status_timestamp"}


def test_every_editable_table_is_tried() -> None:
    assert REQUIRED.keys() == EDITABLE


@pytest.mark.parametrize("label", sorted(REQUIRED))
def test_the_required_fields_suffice_and_give_the_row_that_sql_gives(label: str, client: Client) -> None:
    given = REQUIRED[label]()
    before = set(MODELS[label].objects.values_list("pk", flat=True))
    saved(submit(client, page(label, "add"), **given), label)
    [key] = set(MODELS[label].objects.values_list("pk", flat=True)) - before
    by_sql = record(label, insert_row(label))
    by_form = record(label, key)
    entered = {column for column in by_form if column.removesuffix("_id") in given or f"{column}_0" in given}
    shown_of_secret = {"key_prefix", "key_suffix", "key_fingerprint", "search_vector", "user_id", "assigned_agent_id"}
    for column in by_form.keys() - entered - OWN - shown_of_secret:
        assert by_form[column] == by_sql[column], column
    assert log_of(key) == [1]


@pytest.mark.parametrize("label", sorted(EDITABLE))
def test_nothing_can_be_added_without_the_required_fields(label: str, client: Client) -> None:
    response = submit(client, page(label, "add"))
    assert "required" in errors(response)


@pytest.mark.parametrize("label", sorted(CHANGEABLE))
def test_saving_at_once_changes_nothing(label: str, client: Client) -> None:
    key = insert_row(label)
    before = record(label, key)
    saved(submit(client, page(label, "change", key)), label)
    assert record(label, key) == before
    assert log_of(key) == [2]


@pytest.mark.parametrize("label", sorted(DELETABLE))
def test_a_row_is_deleted_after_a_question(label: str, client: Client) -> None:
    key = insert_row(label)
    saved(client.post(page(label, "delete", key), {"post": "yes"}), label)
    assert not MODELS[label].objects.filter(pk=key).exists()
    assert log_of(key) == [3]


@pytest.mark.parametrize("label", sorted(DELETABLE))
def test_selected_rows_are_deleted_after_a_question(label: str, client: Client) -> None:
    keys = [insert_row(label), insert_row(label)]
    choice = {"action": "delete_selected", "_selected_action": keys}
    assert "Are you sure" in client.post(page(label, "changelist"), choice).content.decode()
    assert client.post(page(label, "changelist"), {**choice, "post": "yes"}).status_code == 302
    assert not MODELS[label].objects.filter(pk__in=keys).exists()
    assert [log_of(key) for key in keys] == [[3], [3]]


class TestText:
    @pytest.mark.parametrize(
        ("label", "column"),
        [
            ("erebus_app.UserReference", "email"),
            ("erebus_app.Wallet", "label"),
            ("erebus_app.AgentApiKey", "key_name"),
            ("erebus_app.Listing", "description"),
            ("erebus_app.Listing", "review_note"),
            ("erebus_app.Purchase", "tx_signature"),
            ("agents_app.Task", "description"),
            ("agents_app.Task", "source_identifier"),
            ("agents_app.Engram", "summary"),
        ],
    )
    def test_emptied_text_that_may_be_missing_becomes_null(self, label: str, column: str, client: Client) -> None:
        text = {"email": "ada@example.org"}.get(column, "text")
        key = insert_row(label)
        saved(submit(client, page(label, "change", key), **{column: text}), label)
        assert record(label, key)[column] == text
        saved(submit(client, page(label, "change", key), **{column: ""}), label)
        assert record(label, key)[column] is None

    def test_two_users_without_an_address_are_no_conflict(self, client: Client) -> None:
        for name in ("ada", "bob"):
            given = {"source_identifier": name, "network": "email", "email": ""}
            saved(submit(client, page("erebus_app.UserReference", "add"), **given), "erebus_app.UserReference")

    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("", []),
            ("one", ["one"]),
            ("one, two,three ,", ["one", "two", "three"]),
            ('"a, b", c', ["a, b", "c"]),
            ('5" disk', ['5" disk']),
        ],
    )
    def test_tags_are_separated_by_commas(self, typed: str, stored: list[str], client: Client) -> None:
        key = insert_engram(tags=["old"])
        address = page("agents_app.Engram", "change", key)
        saved(submit(client, address, tags=typed), "agents_app.Engram")
        assert record("agents_app.Engram", key)["tags"] == stored
        version = record("agents_app.Engram", key)["version"]
        saved(submit(client, address), "agents_app.Engram")
        assert record("agents_app.Engram", key)["tags"] == stored
        assert record("agents_app.Engram", key)["version"] == version

    @pytest.mark.parametrize(
        "tags", [["a\nb", "c"], [" a", "b"], ["a", " b "], [""], ["a", "", "b"], ["\t"], ["a\r\nb"]]
    )
    def test_tags_that_one_line_cannot_hold_are_left_alone(self, tags: list[str], client: Client) -> None:
        key = insert_engram(tags=tags)
        address = page("agents_app.Engram", "change", key)
        # A browser has no line breaks in one line.
        line = "".join(fields(client.get(address))["tags"].splitlines())
        saved(submit(client, address, tags=line, priority="3"), "agents_app.Engram")
        row = record("agents_app.Engram", key)
        assert (row["tags"], row["priority"], row["version"]) == (tags, 3, 1)

    @pytest.mark.parametrize("typed", ['"open', '"a"b', "a\nb", "a\x00b", "x" * 140_000])
    def test_tags_that_cannot_be_read_are_an_error_on_the_form(self, typed: str, client: Client) -> None:
        response = submit(client, page("agents_app.Engram", "change", insert_engram()), tags=typed)
        assert "'tags'" in errors(response)


class TestChoices:
    @pytest.mark.parametrize(
        ("label", "column"),
        [
            ("erebus_app.UserReference", "user_type"),
            ("erebus_app.Wallet", "chain"),
            ("erebus_app.Listing", "listing_type"),
            ("erebus_app.Listing", "status"),
            ("erebus_app.Deployment", "status"),
            ("agents_app.Agent", "health_status"),
            ("agents_app.Task", "priority"),
        ],
    )
    def test_a_value_that_a_service_has_added_is_shown_and_kept(self, label: str, column: str, client: Client) -> None:
        if label.startswith("erebus_app"):
            key = insert(MODELS[label]._meta.db_table, **{column: "of-a-service"})["id"]
        else:
            key = {"agents_app.Agent": adminpages.insert_agent, "agents_app.Task": insert_task}[label](
                **{column: "of-a-service"}
            )
        watcher = adminpages.viewer()
        for address in (page(label, "changelist"), page(label, "change", key)):
            assert "of-a-service" in watcher.get(address).content.decode()
        saved(submit(client, page(label, "change", key)), label)
        assert record(label, key)[column] == "of-a-service"

    def test_it_is_shown_where_the_form_has_the_column_to_be_read_alone(self, client: Client) -> None:
        key = insert("crossroads_listings", status="archived")["id"]
        content = client.get(page("erebus_app.Listing", "change", key)).content.decode()
        assert 'name="_save"' in content
        [shown] = re.findall(r'class="form-row field-status">.*?class="readonly">(.*?)</div>', content, re.S)
        assert shown == "archived"

    def test_nobody_types_in_a_new_one(self, client: Client) -> None:
        response = submit(client, page("agents_app.Task", "change", insert_task()), priority="of-a-service")
        assert "not one of the available choices" in errors(response)


class TestRelations:
    @pytest.mark.parametrize("typed", ["no uuid", "00000000-0000-4000-8000-000000000000", "\x00"])
    @pytest.mark.parametrize(
        ("label", "column"),
        [("erebus_app.Wallet", "user"), ("agents_app.Task", "user"), ("agents_app.Engram", "parent")],
    )
    def test_a_row_that_is_not_there_is_an_error_on_the_form(
        self, label: str, column: str, typed: str, client: Client
    ) -> None:
        response = submit(client, page(label, "change", insert_row(label)), **{column: typed})
        assert f"'{column}'" in errors(response)

    def test_a_task_is_given_to_a_user_of_the_replica(self, client: Client) -> None:
        user, task = adminpages.insert_replica(), insert_task()
        saved(submit(client, page("agents_app.Task", "change", task), user=user), "agents_app.Task")
        assert record("agents_app.Task", task)["user_id"] == str(user)

    @pytest.mark.parametrize("label", ["erebus_app.Review", "agents_app.Task", "erebus_app.Wallet"])
    def test_no_page_lists_all_rows_of_another_table(self, label: str, client: Client) -> None:
        other = {"erebus_app.Review": "erebus_app.Listing", "agents_app.Task": "agents_app.Agent"}.get(
            label, "erebus_app.UserReference"
        )
        key = insert_row(other)
        assert str(key) not in client.get(page(label, "add")).content.decode()


def test_only_changed_columns_are_written(client: Client) -> None:
    key = insert_row("agents_app.Agent")
    with CaptureQueriesContext(connections["agents"]) as captured:
        saved(submit(client, page("agents_app.Agent", "change", key), name="hecate"), "agents_app.Agent")
    [update] = [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]
    assert update.startswith('UPDATE "agents" SET "name" = \'hecate\' WHERE')
