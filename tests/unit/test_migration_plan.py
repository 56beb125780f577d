"""The order of two databases' migrations, without a database: what fits what, and what waits for what."""

from typing import Any

import pytest
from django.db.migrations import Migration

from nullstore.exceptions import SchemaChangeRefused
from nullstore.migrating.board import Board, Start
from nullstore.migrating.changes import Change
from nullstore.migrating.ordering import order
from nullstore.migrating.steps import Step
from nullstore.migrating.tables import Column, Table
from nullstore.migrating.types import fits, normal_type
from nullstore.replication.specs import PublicationSpec, PublishedTable, SubscriptionSpec

SPEC = PublicationSpec("erebus_user_sync", (PublishedTable("t"),))
FOLLOWER = SubscriptionSpec("agents_user_sync", "erebus_user_sync", "erebus")
KEY = Column("uuid", True, True)
X = Column("integer", False, True)
REQUIRED = Column("integer", True, False)


def table(**columns: Column) -> Table:
    return Table("t", {"id": KEY, **columns})


def step(alias: str, number: int, *changes: tuple[Table | None, Table | None], **more: Any) -> Step:
    made = tuple(Change("t", before, after) for before, after in changes)
    spec = more.get("subscribes", FOLLOWER)
    return Step(
        alias,
        Migration(f"{number:04}", f"{alias}_app"),
        False,
        made,
        {"erebus_user_sync": more["publishes"]} if "publishes" in more else {},
        {"agents_user_sync": spec} if "subscribes" in more else {},
        frozenset({"erebus_user_sync"}) if "subscribes" in more else frozenset(),
    )


def planned(board: Board) -> list[str]:
    return [str(move.step) for move in order(board).moves]


def linked(source: Table = table(), replica: Table = table(), **more: Any) -> Start:  # noqa: B008
    return Start(True, {"t": source}, {"t": replica}, **more)


COME, GO = (table(), table(x=X)), (table(x=X), table())


def test_what_comes_and_what_goes_in_several_steps() -> None:
    """Two columns come and one goes, each in migrations of its own: only one order does."""
    two = (table(x=X), table(x=X, y=X))
    source = [step("erebus", 1, COME), step("erebus", 2, two), step("erebus", 3, (two[1], table(y=X)))]
    replica = [step("agents", 1, COME), step("agents", 2, two), step("agents", 3, (two[1], table(y=X)))]
    moves = order(Board(linked(), source, replica)).moves
    assert [str(move.step) for move in moves] == [
        "agents_app.0001",
        "erebus_app.0001",
        "agents_app.0002",
        "erebus_app.0002",
        "erebus_app.0003",
        "agents_app.0003",
    ]
    assert [move.after_fence for move in moves] == [False] * 5 + [True]


def test_where_nothing_is_replicated_the_publisher_is_first() -> None:
    source = [step("erebus", 1, COME), step("erebus", 2, GO)]
    replica = [step("agents", 1, COME), step("agents", 2, GO)]
    board = Board(Start(False, {}, {}), source, replica)
    assert planned(board) == ["erebus_app.0001", "erebus_app.0002", "agents_app.0001", "agents_app.0002"]
    assert not any(move.after_fence or move.why for move in order(board).moves)


def test_the_publication_is_made_before_what_follows_it() -> None:
    source = [step("erebus", 1, COME), step("erebus", 2, publishes=SPEC)]
    replica = [step("agents", 1, COME), step("agents", 2, subscribes=FOLLOWER)]
    assert planned(Board(linked(), source, replica))[-1] == "agents_app.0002"


def test_the_publication_is_removed_after_what_followed_it() -> None:
    source, replica = [step("erebus", 1, publishes=None)], [step("agents", 1, subscribes=None)]
    assert planned(Board(linked(), source, replica)) == ["agents_app.0001", "erebus_app.0001"]


def test_unsubscribed_first_a_change_needs_no_order() -> None:
    source, replica = [step("erebus", 1, COME)], [step("agents", 1, subscribes=None)]
    assert planned(Board(linked(), source, replica)) == ["agents_app.0001", "erebus_app.0001"]


def test_a_column_that_is_not_published_needs_no_order() -> None:
    narrowed = PublicationSpec("erebus_user_sync", (PublishedTable("t", ("id",)),))
    source = [step("erebus", 1, publishes=narrowed), step("erebus", 2, COME)]
    assert planned(Board(linked(), source, [])) == ["erebus_app.0001", "erebus_app.0002"]
    with pytest.raises(SchemaChangeRefused, match=r"t\.x: erebus would send it"):
        order(Board(linked(), [source[1]], []))


@pytest.mark.parametrize("option", [False, True])
def test_a_binary_subscription_takes_the_same_bytes_only(option: bool) -> None:
    """Whether it is binary already, or is made so by a step."""
    wider = (table(x=X), table(x=Column("bigint", False, True)))
    binary = SubscriptionSpec("agents_user_sync", "erebus_user_sync", "erebus", {"binary": True})
    alter = [step("agents", 1, subscribes=binary)] if option else []
    start = linked(table(x=X), table(x=X), binary=not option)
    with pytest.raises(SchemaChangeRefused, match="would send integer in binary form, and agents has bigint"):
        order(Board(start, [step("erebus", 1, wider)], [*alter, step("agents", 2, wider)]))
    start = linked(table(x=X), table(x=X))
    assert planned(Board(start, [step("erebus", 1, wider)], [step("agents", 2, wider)]))[0] == "agents_app.0002"


def test_a_new_table_is_needed_on_the_replica_only_once_it_is_published() -> None:
    source = [step("erebus", 1, (None, table())), step("erebus", 2, publishes=SPEC)]
    replica = [step("agents", 1, (None, table()))]
    board = Board(Start(True, {"t": None}, {"t": None}), source, replica)
    assert planned(board) == ["erebus_app.0001", "agents_app.0001", "erebus_app.0002"]


def test_what_is_broken_already_does_not_stop_its_cure() -> None:
    board = Board(
        linked(table(x=X, y=X), table()),
        [],
        [step("agents", 1, COME), step("agents", 2, (table(x=X), table(x=X, y=X)))],
    )
    assert planned(board) == ["agents_app.0001", "agents_app.0002"]


def test_the_subscription_is_made_between_the_changes_where_there_is_a_way() -> None:
    source = [step("erebus", 1, (None, table()), publishes=SPEC), step("erebus", 2, COME)]
    replica = [step("agents", 1, (None, table())), step("agents", 2, subscribes=FOLLOWER), step("agents", 3, COME)]
    start = Start(False, {"t": None}, {"t": None})
    assert planned(Board(start, source, replica)) == [
        "erebus_app.0001",
        "agents_app.0001",
        "agents_app.0002",
        "agents_app.0003",
        "erebus_app.0002",
    ]


@pytest.mark.parametrize("filled", [False, True])
def test_an_empty_replica_is_subscribed_before_it_has_all_columns(filled: bool) -> None:
    replica = [step("agents", 1, subscribes=FOLLOWER), step("agents", 2, COME)]
    board = Board(Start(False, {"t": table(x=X)}, {"t": table()}, filled), [], replica)
    if filled:
        with pytest.raises(SchemaChangeRefused, match="agents has rows"):
            order(board)
    else:
        assert order(board).loose


def test_a_refusal_names_the_steps_as_far_as_any_way_leads() -> None:
    source = [step("erebus", 1, COME), step("erebus", 2, (table(x=X), table(x=X, y=REQUIRED)))]
    replica = [step("agents", 1, COME), step("agents", 2, (table(x=X), table(x=X, y=REQUIRED)))]
    with pytest.raises(SchemaChangeRefused) as caught:
        order(Board(linked(), source, replica))
    message = str(caught.value)
    assert "erebus_app.0002: t.y: erebus would send it" in message
    assert "agents_app.0002: t.y: agents requires it" in message
    assert "0001" not in message


@pytest.mark.parametrize(
    ("declared", "spelled"),
    [
        ("varchar(50)", "character varying(50)"),
        ("varchar(50)[]", "character varying(50)[]"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("char(4)", "character(4)"),
        ("timestamp with time zone", "timestamp with time zone"),
    ],
)
def test_types_are_spelled_as_the_catalog_has_them(declared: str, spelled: str) -> None:
    assert normal_type(declared) == spelled


@pytest.mark.parametrize(
    ("source", "replica", "text", "binary"),
    [
        ("uuid", "uuid", True, True),
        ("character varying(10)", "character varying(20)", True, True),
        ("character varying(20)", "character varying(10)", False, False),
        ("character varying(20)", "text", True, True),
        ("text", "character varying(20)", False, False),
        ("text", "character varying", True, True),
        ("smallint", "integer", True, False),
        ("integer", "bigint", True, False),
        ("bigint", "integer", False, False),
        ("integer", "numeric", True, False),
        ("integer", "numeric(12,2)", True, False),
        ("integer", "numeric(11,2)", False, False),
        ("integer", "character varying(11)", True, False),
        ("integer", "character varying(10)", False, False),
        ("bigint", "text", True, False),
        ("numeric(10,2)", "numeric(12,4)", True, True),
        ("numeric(10,2)", "numeric(11,4)", False, False),
        ("numeric(10,2)", "numeric", True, True),
        ("numeric", "numeric(10,2)", False, False),
        ("numeric(10,2)", "text", True, False),
        ("uuid", "text", True, False),
        ("uuid", "character varying(36)", True, False),
        ("uuid", "character varying(35)", False, False),
        ("boolean", "text", False, False),
        ("real", "double precision", False, False),
        ("date", "timestamp with time zone", False, False),
        ("character(4)", "text", False, False),
        ("jsonb", "text", False, False),
    ],
)
def test_what_fits_where(source: str, replica: str, text: bool, binary: bool) -> None:
    assert fits(source, replica) is text
    assert fits(source, replica, binary=True) is binary
