"""How two versions of an engram differ: by path and by line."""

import json
import time
from typing import Any

import pytest

from agents_app.engrams import changes as by_path
from agents_app.engrams import lines as by_line
from agents_app.engrams.changes import Change, changes
from agents_app.engrams.lines import lines

#: Far above what it takes on a busy machine, far below what it took without the bounds.
BOUND_SECONDS = 2.0


def compare(old: Any, new: Any) -> list[tuple[Any, ...]]:
    return [tuple(change) for change in changes(json.dumps(old), json.dumps(new)).listed]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2}, [("changed", "/a", "1", "2")]),
        ({"a": 1}, {"a": "1"}, [("changed", "/a", "1", '"1"')]),
        ({"a": 1}, {"a": True}, [("changed", "/a", "1", "true")]),
        ({"a": None}, {}, [("removed", "/a", "null", None)]),
        ({}, {"a": None}, [("added", "/a", None, "null")]),
        ({"a": 1}, {"b": 1}, [("removed", "/a", "1", None), ("added", "/b", None, "1")]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [("changed", "/a/b/1/c", "2", "3")]),
        ([1, 2, 3], [2, 3], [("removed", "/0", "1", None)]),
        (["a", "b"], ["x", "a", "b"], [("added", "/0", None, '"x"')]),
        (
            [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}],
            [{"id": 9}, {"id": 1, "t": "a"}, {"id": 2, "t": "B"}],
            [("added", "/0", None, '{"id": 9}'), ("changed", "/2/t", '"b"', '"B"')],
        ),
        (1, [], [("changed", "", "1", "[]")]),
        ({}, [], [("changed", "", "{}", "[]")]),
        ({"a/b~c": 1}, {"a/b~c": 2}, [("changed", "/a~1b~0c", "1", "2")]),
        ({"": 1}, {"": 2}, [("changed", "/", "1", "2")]),
        ({"a": "é😀"}, {"a": "<b>"}, [("changed", "/a", '"é😀"', '"<b>"')]),
    ],
)
def test_changes_by_path(old: Any, new: Any, expected: list[tuple[Any, ...]]) -> None:
    assert compare(old, new) == expected


def test_long_values_are_abridged() -> None:
    [change] = changes('{"a": ""}', json.dumps({"a": "x" * 1000})).listed
    assert change == Change("changed", "/a", '""', f'"{"x" * (by_path.SHOWN - 1)}… (1,002 characters)')


def test_many_changes_are_counted_and_the_first_are_listed() -> None:
    found = changes("{}", json.dumps({str(number): number for number in range(1000)}))
    assert (found.total, len(found.listed), found.missing) == (1000, by_path.LISTED, "")


@pytest.mark.parametrize("depth", [by_path.DEEPEST + 1, 600, 5000])
def test_what_is_nested_too_deeply_says_so(depth: int) -> None:
    old, new = ("[" * depth + number + "]" * depth for number in "12")
    found = changes(old, new)
    assert (found.listed, found.total) == ([], 0)
    assert "more than 50 levels" in found.missing


@pytest.mark.parametrize("text", ['"[[[["', '"\\"[[["', '"\\\\"'])
def test_brackets_in_texts_are_no_levels(text: str) -> None:
    old = "[" * (by_path.DEEPEST - 1) + f"[1, {text}]" + "]" * (by_path.DEEPEST - 1)
    [change] = changes(old, old.replace("1", "2")).listed
    assert (change.old, change.new) == ("1", "2")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.1234567890123456789", "0.1234567890123456788"),
        ('{"a": 1.5}', '{"a": 1.50}'),
    ],
)
def test_digits_that_are_not_compared_are_not_said_to_be_the_same(old: str, new: str) -> None:
    found = changes(old, new)
    assert (found.listed, found.total) == ([], 0)
    assert "digits" in found.missing
    assert "not compared by path" in found.missing


def test_of_equal_documents_nothing_is_missing() -> None:
    assert changes('{"a": 1.50}', '{"a": 1.50}') == ([], 0, "")


def test_what_is_too_long_says_so() -> None:
    assert "30,000 characters" in changes("{}", json.dumps("x" * 30_000)).missing


def test_the_longest_that_is_compared_takes_no_time() -> None:
    numbers = [str(number) for number in range(by_path.LONGEST // 12)]
    began = time.perf_counter()
    assert changes(json.dumps(numbers), json.dumps(numbers[::-1])).total > 1000
    assert time.perf_counter() - began < BOUND_SECONDS


def show(old: str, new: str) -> list[str]:
    return [f"{line.old or ''}|{line.new or ''}|{line.sign}|{line.text}" for line in lines(old, new).listed]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("a", "a", []),
        ("", "x", ["|1|+|x"]),
        ("x", "", ["1||-|x"]),
        ("a\nb", "a\nc", ["1|1| |a", "2||-|b", "|2|+|c"]),
        ("a\na\na", "a\na", ["1|1| |a", "2|2| |a", "3||-|a"]),
        ("a\n", "a", ["1|1| |a", "2||-|"]),
        ("a\u2028b", "a\u2028c", ["1||-|a\u2028b", "|1|+|a\u2028c"]),
    ],
)
def test_lines(old: str, new: str, expected: list[str]) -> None:
    assert show(old, new) == expected


def test_equal_lines_far_away_are_left_out() -> None:
    old = [str(number) for number in range(1, 31)]
    new = [*old[:9], "ten", *old[10:20], "twenty-one", *old[21:]]
    shown = show("\n".join(old), "\n".join(new))
    assert shown[:6] == ["||…|", "7|7| |7", "8|8| |8", "9|9| |9", "10||-|10", "|10|+|ten"]
    assert shown[9] == "||…|"
    assert shown[-1] == "24|24| |24"


def test_a_difference_deep_in_a_long_text_is_found_at_once() -> None:
    old = "\n".join(str(number) for number in range(200_000))
    began = time.perf_counter()
    found = lines(old, old.replace("\n150000\n", "\nother\n"))
    assert time.perf_counter() - began < BOUND_SECONDS
    assert [line.text for line in found.listed if line.kind in ("removed", "added")] == ["150000", "other"]
    assert not found.missing


@pytest.mark.parametrize(
    ("old", "new"), [("a\nb\n" * 50_000, "b\na\n" * 50_000), ("a\n" * 99_999 + "b", "b\n" * 99_999)]
)
def test_texts_that_differ_everywhere_are_cut_off(old: str, new: str) -> None:
    began = time.perf_counter()
    found = lines(old, new)
    assert time.perf_counter() - began < BOUND_SECONDS
    assert len(found.listed) <= by_line.LISTED
    assert "Cut off" in found.missing


def test_long_lines_are_abridged() -> None:
    [line] = lines("", "x" * 5000).listed
    assert line.text.endswith("x… (5,000 characters)")
