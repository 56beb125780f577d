"""The replica and the logs: to be looked at, whoever asks and however."""

from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client

from tests.integration import adminpages
from tests.integration.adminpages import MODELS, READ_ONLY, insert_replica, insert_row, log_of, page, record

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

REPLICA = "agents_app.UserReference"
SOURCE = "erebus_app.UserReference"


def forms(response: HttpResponse) -> list[str]:
    """The forms of a row's page, the admin's own first."""
    content = response.content.decode().partition('<div id="content"')[2].partition("<footer")[0]
    found = [f"<form{part.partition('</form>')[0]}" for part in content.split("<form")[1:]]
    assert sum('_form"' in form.partition(">")[0] for form in found) == 1
    return sorted(found, key=lambda form: '_form"' not in form.partition(">")[0])


#: Columns that a page shows in a section of its own.
IN_SECTIONS = {"agents_app.EngramHistory": {"engram_id", "content", "summary", "tags"}}


def test_these_are_read_only() -> None:
    assert {
        REPLICA,
        "agents_app.TaskTransition",
        "agents_app.EngramHistory",
        "agents_app.OpsAction",
        "erebus_app.SecretAccessLog",
        "erebus_app.VerificationRun",
    } == READ_ONLY


@pytest.mark.parametrize("label", sorted(READ_ONLY))
class TestSuperuser:
    def test_sees_every_column_and_nothing_to_press(self, label: str, client: Client) -> None:
        response = client.get(page(label, "change", insert_row(label)))
        shown = {getattr(name, "__name__", name) for name in response.context["adminform"].readonly_fields}
        assert shown | IN_SECTIONS.get(label, set()) >= {
            field.name for field in MODELS[label]._meta.concrete_fields
        } - {"id"}
        own, *others = forms(response)
        for control in ("<textarea", "<select", 'name="_save"', "deletelink", 'type="submit"'):
            assert control not in own
        # Others choose what the page shows, such as two versions to compare.
        assert [form for form in others if 'method="post"' in form.partition(">")[0]] == []

    def test_is_refused_to_add_change_and_delete(self, label: str, client: Client) -> None:
        key = insert_row(label)
        before = record(label, key)
        everything = dict.fromkeys(before, "1")
        assert client.get(page(label, "add")).status_code == 403
        assert client.get(page(label, "delete", key)).status_code == 403
        assert client.post(page(label, "add"), everything).status_code == 403
        assert client.post(page(label, "change", key), everything).status_code == 403
        assert client.post(page(label, "delete", key), {"post": "yes"}).status_code == 403
        assert record(label, key) == before
        assert log_of(key) == []

    def test_is_offered_no_action_and_refused_one(self, label: str, client: Client) -> None:
        key = insert_row(label)
        assert client.get(page(label, "changelist")).context["action_form"] is None
        action = {"action": "delete_selected", "_selected_action": key, "post": "yes"}
        assert client.post(page(label, "changelist"), action).status_code == 403
        assert record(label, key)

    @pytest.mark.parametrize("key", ["1", "00000000-0000-4000-8000-000000000000", "no such row"])
    def test_learns_nothing_from_a_write_to_a_row_that_is_not_there(self, label: str, key: str, client: Client) -> None:
        assert client.post(page(label, "change", key), {}).status_code == 403
        assert client.post(page(label, "delete", key), {}).status_code == 403


class TestReplica:
    def test_its_page_says_where_to_edit_with_a_link_that_leads_to_the_source(self, client: Client) -> None:
        key = insert_row(SOURCE)
        insert_replica(id=key, source_identifier="<ada>")
        content = client.get(page(REPLICA, "change", key)).content.decode()
        assert "Read-only copy, " in content
        assert f'edit in erebus</strong>: <a href="{page(SOURCE, "change", key)}">&lt;ada&gt; (base)</a>' in content
        assert client.get(page(SOURCE, "change", key)).status_code == 200

    def test_a_task_links_to_its_user(self, client: Client) -> None:
        user = insert_replica()
        task: Any = adminpages.insert_task(user_id=user)
        assert page(REPLICA, "change", user) in client.get(page("agents_app.Task", "change", task)).content.decode()

    def test_it_can_be_searched_by_what_identifies_a_user(self, client: Client) -> None:
        key = insert_replica(source_identifier="0xfeed", email="ada@example.org")
        insert_replica(source_identifier="0xdead")
        for words in ("0xfe", "ada@", str(key)):
            response = client.get(page(REPLICA, "changelist"), {"q": words})
            assert [user.pk for user in response.context["cl"].result_list] == [key], words

    def test_the_model_itself_is_found_by_the_site(self) -> None:
        assert admin.site.is_registered(MODELS[REPLICA])
