"""Pages of agents' tables for somebody with permissions chosen one by one: what he may not see, and what he may do."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.integration.adminpages import (
    agents,
    insert_agent,
    insert_engram,
    insert_replica,
    insert_row,
    insert_task,
    page,
    saved,
    submit,
)

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

AGENT, TASK, ENGRAM = "agents_app.Agent", "agents_app.Task", "agents_app.Engram"


def allowed(*codenames: str) -> Client:
    """Somebody of the staff with these permissions on tables of agents."""
    user = User.objects.create_user("chosen", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="agents_app"))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


def content(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.headers
    return response.content.decode()


class TestAgents:
    @pytest.mark.parametrize("may", [True, False])
    def test_their_tasks_are_for_those_who_may_view_tasks(self, may: bool) -> None:
        key = insert_agent()
        insert_task(name="covert", assigned_agent_id=key)
        client = allowed("view_agent", *(["view_task"] if may else []))
        shown = content(client, page(AGENT, "change", key))
        for part in ('id="tasks"', 'id="throughput"', "covert", "Tasks of this agent by state", "status=submitted"):
            assert (part in shown) is may, part
        assert 'id="load"' in shown
        listed = content(client, page(AGENT, "changelist"))
        assert ("state=open" in listed) is may
        assert ("column-load" in listed) is may

    @pytest.mark.parametrize("label", [AGENT, TASK, ENGRAM])
    @pytest.mark.parametrize("may", [True, False])
    def test_what_staff_did_is_for_those_who_may_view_that(self, may: bool, label: str) -> None:
        key = insert_row(label)
        model = label.partition(".")[2].lower()
        client = allowed(f"view_{model}", *(["view_opsaction"] if may else []))
        assert ('id="staff-actions"' in content(client, page(label, "change", key))) is may


class TestWhatMakesRows:
    """A retry is a new task, a fork a new engram."""

    CASES = [
        ("retry", TASK, lambda: insert_task(status="failed"), {}),
        ("fork", ENGRAM, insert_engram, {"wallet": "0xdef"}),
    ]

    @pytest.mark.parametrize("may", [True, False])
    @pytest.mark.parametrize(("action", "label", "insert", "data"), CASES)
    def test_needs_the_permission_to_add(
        self, action: str, label: str, insert: Any, data: dict[str, str], may: bool
    ) -> None:
        model = label.partition(".")[2].lower()
        key = insert()
        client = allowed(f"view_{model}", f"{'add' if may else 'change'}_{model}")
        address = reverse(f"admin:agents_app_{model}_{action}", args=[key])
        assert (address in content(client, page(label, "change", key))) is may
        assert client.post(address, data).status_code == (302 if may else 403)
        assert agents.value(f"SELECT count(*) FROM {model}s") == (2 if may else 1)


def test_of_a_row_that_another_refers_to_the_ids_are_recorded(client: Client) -> None:
    before, after = insert_replica(), insert_replica()
    key = insert_task(user_id=before)
    for user in (after, ""):
        saved(submit(client, page(TASK, "change", key), user=user), TASK)
    rows = agents.rows("SELECT detail::text FROM ops_actions WHERE target_id = %s ORDER BY id", [str(key)])
    changes = [json.loads(detail)["changed"]["user"] for (detail,) in rows]
    assert changes == [[str(before), str(after)], [str(after), None]]
