"""What staff do, committed, in a process that is logged in as the runtime roles."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from nullstore.databases import ALIASES
from nullstore.replication.fence import wait_until_replicated
from tests.integration import consoleactions
from tests.integration.adminpages import fields, insert_agent, insert_task, page
from tests.integration.baresql import BareSQL
from tests.integration.keypages import PASSWORD as STAFF_PASSWORD
from tests.integration.keypages import SECRET, action_page, log, make_key
from tests.integration.replicas import wait_for
from tests.integration.runtime_roles import ROLES, logged_in

pytestmark = pytest.mark.usefixtures("committed_pair")

NEW = "another-horse-battery-9"
TASK = "agents_app.Task"


@pytest.fixture
def web(committed_pair: None, look_anew: None, settings: Settings) -> Iterator[Client]:
    """A browser whose user logged in with the form, and nobody in this process is the owner."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with logged_in():
        User.objects.create_superuser("grace", password=STAFF_PASSWORD)
        client = Client()
        assert log_in(client, STAFF_PASSWORD).headers["Location"] == reverse("admin:index")
        for alias in ALIASES:
            assert BareSQL(alias).value("SELECT current_user::text") == ROLES[alias]
        yield client
        for thread in threading.enumerate():
            if thread.name == "verification":
                thread.join(30)


def log_in(client: Client, password: str) -> Any:
    address = reverse("admin:login")
    assert client.get(address).status_code == 200
    return client.post(address, {"username": "grace", "password": password, "next": reverse("admin:index")})


def test_a_wrong_password_is_counted_and_the_right_one_lets_in(web: Client) -> None:
    other = Client()
    assert log_in(other, "wrong-wrong-wrong").status_code == 200
    assert BareSQL("erebus").value("SELECT count(*) FROM axes_accessattempt") == 1
    assert log_in(other, STAFF_PASSWORD).status_code == 302
    assert BareSQL("erebus").value("SELECT count(*) FROM axes_accessattempt") == 0


def test_the_password_is_changed_and_the_new_one_lets_in(web: Client) -> None:
    answer = {"old_password": STAFF_PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert web.post(reverse("admin:password_change"), answer).status_code == 302
    assert web.post(reverse("admin:logout")).status_code == 200
    assert log_in(web, NEW).status_code == 302


def test_a_comparison_is_started_and_ends(web: Client) -> None:
    assert web.post(reverse("admin:replication_verify")).status_code == 302
    runs = apps.get_model("erebus_app.VerificationRun").objects
    wait_for(lambda: runs.filter(state="equal", requested_by="grace").exists())


def test_a_user_is_added_changed_and_deleted(web: Client) -> None:
    label = "erebus_app.UserReference"
    users = apps.get_model(label).objects
    new = {**fields(web.get(page(label, "add"))), "source_identifier": "ada@example.com", "network": "email"}
    assert web.post(page(label, "add"), new).status_code == 302
    user = users.get()
    edit = {**fields(web.get(page(label, "change", user.pk))), "network": "base"}
    assert web.post(page(label, "change", user.pk), edit).status_code == 302
    wait_until_replicated(timeout=20)
    assert BareSQL("agents").rows("SELECT network FROM user_references") == [("base",)]
    assert web.post(page(label, "delete", user.pk), {"post": "yes"}).status_code == 302
    assert not users.exists()
    wait_until_replicated(timeout=20)
    assert BareSQL("agents").rows("SELECT network FROM user_references") == []


def test_tasks_are_cancelled_together_and_deleted_with_their_trail(web: Client) -> None:
    keys = [insert_task(assigned_agent_id=insert_agent()) for _ in range(2)]
    consoleactions.press_many(web, TASK, keys, "cancel", reason="no longer needed")
    sql = BareSQL("agents")
    assert sql.rows("SELECT DISTINCT status FROM tasks") == [("canceled",)]
    assert sql.value("SELECT count(*) FROM ops_actions WHERE actor = 'grace'") == 2
    assert web.post(page(TASK, "delete", keys[0]), {"post": "yes"}).status_code == 302
    assert sql.rows("SELECT id FROM tasks") == [(keys[1],)]
    assert sql.value("SELECT count(*) FROM task_transitions WHERE task_id = %s", [keys[0]]) == 0


def test_a_key_is_revealed_and_that_is_on_record(web: Client) -> None:
    address = action_page(make_key(), "reveal")
    answer = {**fields(web.get(address)), "reason": "to try it out", "password": STAFF_PASSWORD}
    assert SECRET in web.post(address, answer).content.decode()
    assert [entry[0] for entry in log()] == ["added", "revealed"]


def test_the_copy_of_the_users_is_not_written(web: Client) -> None:
    with connections["agents"].cursor() as cursor, pytest.raises(Exception, match="permission denied for table"):
        cursor.execute("INSERT INTO user_references (source_identifier, network) VALUES ('x', 'email')")
