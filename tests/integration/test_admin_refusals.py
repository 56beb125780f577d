"""What the database refuses although the form let it pass, and what a form refuses in time."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.db.models.signals import pre_delete, pre_save
from django.test import Client

from erebus_app.models import Listing, Wallet
from tests.integration import erebus_rows
from tests.integration.adminpages import (
    MODELS,
    agents,
    errors,
    fields,
    insert_agent,
    insert_row,
    insert_task,
    log_of,
    page,
    record,
    saved,
    submit,
)

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

TASK = "agents_app.Task"


@contextmanager
def just_before(signal: Any, sender: Any, action: Callable[..., Any]) -> Iterator[None]:
    """Let somebody else write after the form was checked and before it is saved."""

    def receiver(**kwargs: Any) -> None:
        action(kwargs["instance"])

    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        assert signal.disconnect(receiver, sender=sender)


class TestTask:
    def test_a_final_one_can_be_changed_otherwise(self, client: Client) -> None:
        key = insert_task(status="failed")
        saved(submit(client, page(TASK, "change", key), name="renamed"), TASK)

    def test_of_a_user_who_is_not_here_can_be_changed_and_keeps_the_user(self, client: Client) -> None:
        late = uuid.uuid4()
        key = insert_task(user_id=late)
        address = page(TASK, "change", key)
        assert str(late) in client.get(address).content.decode()
        saved(submit(client, address, name="renamed"), TASK)
        task = record(TASK, key)
        assert (task["name"], task["user_id"]) == ("renamed", str(late))


class TestLostRaces:
    def test_of_a_unique_value_give_the_constraints_message(self, client: Client) -> None:
        data = {"user": insert_row("erebus_app.UserReference"), "address": f"0x{1:040x}", "chain": "base"}

        def connect_first(wallet: Wallet) -> None:
            erebus_rows.insert("wallets", address=wallet.address, chain="base")

        with just_before(pre_save, Wallet, connect_first):
            response = submit(client, page("erebus_app.Wallet", "add"), **data)
        assert "This address is connected on this chain already (in upper or lower case)" in errors(response)
        assert fields(response)["address"] == data["address"]
        assert not LogEntry.objects.exists()

    def test_of_a_row_that_goes_end_at_the_front_page(self, client: Client) -> None:
        key = insert_agent()

        def delete(agent: Any) -> None:
            agents.run("DELETE FROM agents WHERE id = %s", [agent.pk])

        address = page("agents_app.Agent", "change", key)
        with just_before(pre_save, MODELS["agents_app.Agent"], delete):
            response = submit(client, address, name="renamed")
        assert "did not affect any rows" in errors(response)

    @pytest.mark.parametrize("selected", [False, True], ids=["one", "selected"])
    def test_of_a_deletion_leave_the_row_and_no_entry_in_the_log(self, selected: bool, client: Client) -> None:
        key = insert_row("erebus_app.Listing")

        def buy(listing: Listing) -> None:
            erebus_rows.insert("crossroads_purchases", listing_id=listing.pk)

        address = page("erebus_app.Listing", *(["changelist"] if selected else ["delete", key]))
        data = {"action": "delete_selected", "_selected_action": key} if selected else {}
        with just_before(pre_delete, Listing, buy):
            response = client.post(address, {**data, "post": "yes"}, follow=True)
        assert response.status_code == 200
        assert "The listing of a purchase must exist, and stay while" in str(*response.context["messages"])
        assert record("erebus_app.Listing", key)
        assert log_of(key) == []

    def test_of_a_deletion_in_agents_leave_no_entry_in_the_log_of_erebus(self, client: Client) -> None:
        key = insert_agent()
        agents.run("CREATE TABLE keeper (agent_id uuid REFERENCES agents)")

        def keep(agent: Any) -> None:
            agents.run("INSERT INTO keeper VALUES (%s)", [agent.pk])

        with just_before(pre_delete, MODELS["agents_app.Agent"], keep):
            response = client.post(page("agents_app.Agent", "delete", key), {"post": "yes"}, follow=True)
            agents.run("SET CONSTRAINTS ALL IMMEDIATE")
        assert 'violates foreign key constraint "keeper_agent_id_fkey"' in str(*response.context["messages"])
        assert record("agents_app.Agent", key)
        assert log_of(key) == []


class TestConstraints:
    def test_one_that_the_form_cannot_check_is_an_error_on_the_form(self, client: Client) -> None:
        user = insert_row("erebus_app.UserReference")
        given = {"user": user, "token_hash": "0f" * 32, "expires_at_0": "1999-01-01", "expires_at_1": "00:00"}
        response = submit(client, page("erebus_app.AuthSession", "add"), **given)
        assert "A session must expire after it was created" in errors(response)
        assert fields(response)["expires_at_0"] == "1999-01-01"
        assert erebus_rows.total("sessions") == 0

    def test_the_row_itself_is_never_repeated(self, client: Client) -> None:
        with connections["erebus"].cursor() as cursor:
            cursor.execute("ALTER TABLE wallets ADD CONSTRAINT dull CHECK (label <> 'bright')")
        key = erebus_rows.insert("wallets", address="0xSecretAddress", chain="of-a-service")["id"]
        response = submit(client, page("erebus_app.Wallet", "change", key), label="bright")
        said = errors(response)
        assert 'violates check constraint "dull"' in said
        assert "Failing row" not in response.content.decode()

    @pytest.mark.parametrize(
        ("label", "column", "value", "message"),
        [
            ("agents_app.Task", "max_retries", "9999999999", "less than or equal to 2147483647"),
            ("agents_app.Task", "estimated_duration", "9" * 30, "less than or equal to"),
            ("agents_app.Engram", "royalty_percent", "-1", "from 0 to 100"),
            ("agents_app.Engram", "ttl_seconds", "0", "1 second or more"),
            ("agents_app.Engram", "price_mon", "1e400", "'price_mon'"),
            ("agents_app.Engram", "price_mon", "NaN", "Enter a number"),
            ("agents_app.Engram", "key", "x" * 256, "at most 255 characters"),
            ("erebus_app.Listing", "price_lamports", "-1", "greater than or equal to 0"),
            ("erebus_app.Review", "rating", "6", "less than or equal to 5"),
            ("erebus_app.Wallet", "address", "0x12", "40 hexadecimal digits"),
            ("erebus_app.UserReference", "email", "somewhere", "valid email address"),
            ("erebus_app.UserReference", "network", "a\x00b", "Null characters"),
        ],
    )
    def test_a_value_out_of_bounds_is_an_error_on_the_form(
        self, label: str, column: str, value: str, message: str, client: Client
    ) -> None:
        key = insert_row(label)
        response = submit(client, page(label, "change", key), **{column: value})
        assert message in errors(response)
        assert log_of(key) == []

    def test_a_fault_of_the_server_is_not_shown_as_one_of_the_person(self, client: Client) -> None:
        key = insert_row("erebus_app.Wallet")
        client.raise_request_exception = False
        with connections["erebus"].cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION burn() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE 'the disk burns' USING ERRCODE = 'disk_full'; END $$"
            )
            cursor.execute("CREATE TRIGGER burn BEFORE UPDATE ON wallets FOR EACH ROW EXECUTE FUNCTION burn()")
        response = submit(client, page("erebus_app.Wallet", "change", key), label="new")
        assert response.status_code == 500
        assert "disk" not in response.content.decode()


class TestProtected:
    @pytest.mark.parametrize("label", ["erebus_app.Purchase", "erebus_app.Deployment"])
    def test_a_listing_in_use_cannot_be_deleted(self, label: str, client: Client) -> None:
        row = record(label, insert_row(label))
        address = page("erebus_app.Listing", "delete", row["listing_id"])
        for response in (client.get(address), client.post(address, {"post": "yes"})):
            assert "would require deleting the following protected related objects" in response.content.decode()
        assert record("erebus_app.Listing", row["listing_id"])

    def test_a_user_goes_with_wallets_and_sessions(self, client: Client) -> None:
        session = record("erebus_app.AuthSession", insert_row("erebus_app.AuthSession"))
        erebus_rows.insert("wallets", user_id=session["user_id"])
        address = page("erebus_app.UserReference", "delete", session["user_id"])
        assert str(session["id"]) in client.get(address).content.decode()
        saved(client.post(address, {"post": "yes"}), "erebus_app.UserReference")
        assert erebus_rows.total("wallets") == erebus_rows.total("sessions") == 0

    def test_a_task_goes_with_its_transitions(self, client: Client) -> None:
        key = insert_task()
        saved(client.post(page(TASK, "delete", key), {"post": "yes"}), TASK)
        assert agents.rows("SELECT FROM task_transitions") == []

    def test_an_agents_tasks_stay(self, client: Client) -> None:
        agent = insert_agent()
        task = insert_task(assigned_agent_id=agent)
        saved(client.post(page("agents_app.Agent", "delete", agent), {"post": "yes"}), "agents_app.Agent")
        assert record(TASK, task)["assigned_agent_id"] is None
