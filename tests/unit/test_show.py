"""States, durations and documents as pages show them."""

import json
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.test.utils import override_script_prefix
from django.urls import reverse
from django.utils.timezone import now

from nullstore.adapters import Beyond
from nullstore.admin.comparison import compare
from nullstore.admin.documents import VALUES, document
from nullstore.admin.show import ago, duration, moment, pill, row_url


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, "-"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1200, "1.2 s"),
        (59_999, "60.0 s"),
        (60_000, "1 min"),
        (65_000, "1 min 5 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (2 * 86_400_000 + 3 * 3_600_000 + 5, "2 d 3 h"),
        (-1500, "-1.5 s"),
    ],
)
def test_a_duration_is_said_in_two_units_at_most(milliseconds: float | None, said: str) -> None:
    assert duration(milliseconds) == said


def test_a_moment_says_how_long_ago_it_was_or_will_be() -> None:
    at = now()
    assert "5 min ago" in str(ago(at - timedelta(minutes=5)))
    assert "in 59 min" in str(ago(at + timedelta(hours=1)))
    assert at.isoformat() in str(ago(at))
    assert ago(None) == "-"


@pytest.mark.parametrize(
    ("value", "symbol"), [("completed", "✓"), ("failed", "✕"), ("working", "▶"), ("input-required", "!"), ("x<y", "○")]
)
def test_a_state_has_a_word_and_a_symbol_beside_its_colour(value: str, symbol: str) -> None:
    html = str(pill(value))
    assert symbol in html
    assert value.replace("<", "&lt;") in html


def test_no_state_is_a_dash() -> None:
    assert pill(None) == "-"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(value: Any) -> str:
    """What a person reads of the document; its tags are closed in the order in which they were opened."""
    parser = _Text()
    parser.feed(str(document(value)))
    assert parser.open == []
    return parser.text


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", {"<b>": 1}, [{"a": '"><img onerror=x>'}], "\u202e", ""])
def test_a_document_is_never_markup(value: Any) -> None:
    assert "<script" not in str(document(value))
    assert "<img" not in str(document(value))
    assert "<b>" not in str(document(value))
    text_of(value)


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [], {}, [1, [2, {"a": None}]], {"é": "ü\n"}])
def test_a_document_shows_every_value(value: Any) -> None:
    text = text_of(value)
    for scalar in _scalars(value):
        assert json.dumps(scalar, ensure_ascii=False) in text


def _scalars(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [scalar for each in value.values() for scalar in _scalars(each)]
    if isinstance(value, list):
        return [scalar for each in value for scalar in _scalars(each)]
    return [value]


def test_a_long_document_is_cut_and_says_so() -> None:
    text = text_of(list(range(1_000_000)))
    assert "Cut off after 2,000 values" in text
    assert str(VALUES - 2) in text


def test_a_deep_document_is_cut_and_says_so() -> None:
    deep: Any = "the bottom"
    for _ in range(5000):
        deep = [deep]
    assert "nested more deeply" in text_of(deep)


def test_a_long_text_is_cut_and_says_how_long_it_is() -> None:
    assert "(1,000,002 characters)" in text_of("x" * 1_000_000)


@pytest.mark.parametrize("key", [UUID(int=7), 7, "a/b", "a_b:c?d#e", "50 %", "é", "{}", "the-key"])
@pytest.mark.parametrize("prefix", ["/", "/ops/the-key/"])
def test_the_address_of_a_row_is_what_django_makes_of_it(key: object, prefix: str) -> None:
    with override_script_prefix(prefix):
        assert row_url("agents_app.Task", key) == reverse("admin:agents_app_task_change", args=[quote(key)])


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "NULL"), (True, "yes"), (False, "no"), (1, "1"), (0, "0"), (1.0, "1.0"), ("True", "True"), ("", "")],
)
def test_a_compared_value_is_said_as_it_is(value: Any, said: str) -> None:
    user = apps.get_model("agents_app.UserReference")
    columns = compare(user(metadata=value), user(metadata=value))
    assert [(each.source, each.replica) for each in columns if each.name == "metadata"] == [(said, said)]


@pytest.mark.parametrize("hours", [0, 5])
def test_a_moment_is_said_in_utc(hours: int) -> None:
    at = datetime(2026, 1, 2, 12, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=hours)))
    assert moment(at) == f"2026-01-02 {12 - hours:02}:30:05 UTC"
    assert moment(Beyond.of("-infinity")) == "-infinity"
