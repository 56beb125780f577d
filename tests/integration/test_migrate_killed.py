"""`migrate` killed with SIGKILL at every statement about replication and about indexes, then run again.

Each round first goes back to before the migration; the rounds end with the n at which the migration gets through.
"""

import time
from collections.abc import Callable

import pytest
from django.db import connections

from nullstore import conf
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.slots import drop_slot
from nullstore.replication.specs import SubscriptionSpec
from nullstore.replication.subscriptions import drop_subscription
from tests.integration.killing import survives
from tests.integration.replicas import (
    AGENTS_SQL,
    SUBSCRIPTION,
    TIMEOUT,
    add_task,
    add_user,
    assert_replicated,
    empty_the_replica,
    forwards,
    migrate,
    resubscribed,
    slots,
    unsubscribe,
    wait_until_replicated,
)

pytestmark = [pytest.mark.usefixtures("committed_pair"), pytest.mark.slow]
MOST_STATEMENTS = 200
INDEXES = "SELECT indexrelid::regclass::text, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1"


def kill_at_every_statement(back: Callable[[], None], forth: Callable[[], None], check: Callable[[], None]) -> int:
    """Return at how many statements the migration was killed; `check` has passed after each."""
    for number in range(1, MOST_STATEMENTS):
        back()
        if survives(number, forth):
            return number - 1
        forth()
        check()
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")


def ours_alone() -> None:
    """One slot, in use, and no worker or slot of a killed run beside it."""
    deadline = time.monotonic() + TIMEOUT
    while [active for _, active in slots()] != [True]:
        assert time.monotonic() < deadline, f"slots: {slots()}"
        time.sleep(0.01)


def subscribe() -> None:
    """Apply the migration that subscribes, and none after it: their statements are not the ones to be killed at."""
    migrate("agents_app", "0005")


def quickly_unsubscribe() -> None:
    """What reversing that migration does, in a quarter of the time."""
    drop_subscription(connections["agents"], SubscriptionSpec("agents_user_sync", "erebus_user_sync", "erebus"))
    AGENTS_SQL.run("DELETE FROM django_migrations WHERE app = 'agents_app' AND name LIKE '0005%%'")


def test_subscription_of_an_empty_replica() -> None:
    with resubscribed():
        unsubscribe()
        add_user("user")

        def back() -> None:
            quickly_unsubscribe()
            empty_the_replica()

        def check() -> None:
            assert_replicated(1)
            ours_alone()

        assert kill_at_every_statement(back, subscribe, check) > 10


def test_subscription_of_a_replica_with_rows() -> None:
    with resubscribed():
        unsubscribe()
        subscribe()
        users = [add_user(f"user-{number}") for number in range(3)]
        for user in users:
            add_task(user)
        wait_until_replicated(TIMEOUT)

        def check() -> None:
            assert_replicated(3)
            ours_alone()

        assert kill_at_every_statement(quickly_unsubscribe, subscribe, check) > 10


def test_reversal_of_the_subscription() -> None:
    with resubscribed():
        add_user("user")
        wait_until_replicated(TIMEOUT)

        def check() -> None:
            assert slots() == []
            assert AGENTS_SQL.rows("SELECT subname FROM pg_subscription") == []
            assert AGENTS_SQL.value("SELECT count(*) FROM user_references") == 1

        assert kill_at_every_statement(subscribe, unsubscribe, check) > 5
        subscribe()
        assert_replicated(1)


def test_replacement_of_a_subscription_that_lost_its_slot() -> None:
    with resubscribed():
        rows = 0

        def back() -> None:
            nonlocal rows
            AGENTS_SQL.run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
            for slot, _ in slots():
                drop_slot("erebus", slot)
            rows += 1
            add_user(f"missed-{rows}")

        def forth() -> None:
            forwards(SUBSCRIPTION, "agents")

        def check() -> None:
            assert_replicated(rows)
            ours_alone()

        assert kill_at_every_statement(back, forth, check) > 20


def test_role_and_publication() -> None:
    with resubscribed():
        unsubscribe()

        def back() -> None:
            migrate("erebus_app", "0002")

        def check() -> None:
            publication = catalog.publication(connections["erebus"], "erebus_user_sync")
            assert publication is not None
            assert publication.tables == {"user_references"}
            connect("erebus", user=conf.replication_role(), password=conf.replication_password()).close()

        assert kill_at_every_statement(back, lambda: migrate("erebus_app", "0003"), check) > 5
        subscribe()
        add_user("user")
        assert_replicated(1)


def test_indexes_of_tables_with_rows() -> None:
    AGENTS_SQL.insert("engrams", wallet_address="0xA", engram_type="persona", key="a.key", content={"an": "engram"})
    indexes = AGENTS_SQL.rows(INDEXES)

    def check() -> None:
        assert AGENTS_SQL.rows(INDEXES) == indexes

    try:
        assert kill_at_every_statement(lambda: migrate("agents_app", "0006"), lambda: migrate("agents_app"), check) > 20
    finally:
        migrate("agents_app")
