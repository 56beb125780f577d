"""What is logged: format, level, and no secret."""

import json
import logging
import sys

import pytest
from django.conf import settings

from nullstore.exceptions import InvalidSetting
from nullstore.logs import JsonFormatter, TextFormatter, logging_settings


class Mute:
    """Has nothing to say for itself."""

    def __str__(self) -> str:
        raise ValueError("mute")


def logged(
    formatter: logging.Formatter, message: object, error: Exception | None = None, *args: object, **extra: object
) -> str:
    info = None
    if error is not None:
        try:
            raise error
        except Exception:
            info = sys.exc_info()
    record = logging.LogRecord("nullstore.x", logging.ERROR, "x.py", 1, message, args, info)  # type: ignore[arg-type]
    record.__dict__.update(extra)
    return formatter.format(record)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "cannot reach postgres://me:hunter2secret@db:5432/erebus",
        "host=db password=hunter2secret user=me",
        "host=db password='hunter2secret' user=me",
        "{'password': 'hunter2secret'}",
        "Authorization: Bearer hunter2secret",
        "GET /admin/?q=hunter2secret HTTP/1.1",
        "Error handling request /admin/?q=hunter2secret",
        "Referer checking failed - https://ops.example.com/admin/?q=hunter2secret does not match any trusted origins.",
        "LINE 1: ALTER ROLE me PASSWORD 'hunter2secret'",
        "DETAIL:  Key (email)=(hunter2secret) already exists.",
        "DETAIL:  Failing row contains (1, hunter2secret (sic), null).",
        "Authorization: Basic hunter2secret",
        "{'Authorization': 'Token hunter2secret'}",
        "Cookie: csrftoken=1; sessionid=hunter2secret",
        "token=hunter2secret",
        "api_key: hunter2secret",
    ],
)
def test_no_secret_in_message_or_exception(formatter: logging.Formatter, secret: str) -> None:
    assert "hunter2secret" not in logged(formatter, secret)
    assert "hunter2secret" not in logged(formatter, "failed", ValueError(secret))


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_no_secret_of_this_process(formatter: logging.Formatter) -> None:
    for secret in (settings.SECRET_KEY, settings.REPLICATION_PASSWORD, settings.DATABASES["erebus"]["PASSWORD"]):
        assert secret not in logged(formatter, f"it was {secret}", RuntimeError(secret))


def test_json_is_one_line_with_the_exception() -> None:
    line = logged(JsonFormatter(), "two\nlines", ValueError("no"))
    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == ("ERROR", "nullstore.x", "two\nlines")
    assert found["time"].endswith("Z")
    assert found["exception"].endswith("ValueError: no")


def not_json(constant: str) -> None:
    pytest.fail(f"{constant} is no JSON")


def endless() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


@pytest.mark.parametrize("given", [float("nan"), float("-inf"), object(), b"\xff", Mute(), {Mute(): {1}}, endless()])
def test_json_is_json_whatever_is_given(given: object) -> None:
    line = logged(JsonFormatter(), "message", None, given=given)
    assert json.loads(line, parse_constant=not_json)["given"] is not None
    assert "\n" not in line


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize("args", [(), (Mute(), 1), ("hunter2secret", 1, 2)])
def test_a_message_that_its_arguments_do_not_fit_is_told_without_them(
    formatter: logging.Formatter, args: tuple[object, ...]
) -> None:
    """Python would print the record as it is, and a traceback, on many lines."""
    line = logged(formatter, "%s is %d", None, *args) if args else logged(formatter, "%s", None, Mute())
    assert "do not fit" in line
    assert "hunter2secret" not in line


def test_fields_with_a_secret_name_are_masked() -> None:
    extra = dict.fromkeys(("password", "token", "api_key", "sessionid"), "hunter2secret")
    assert "hunter2secret" not in logged(JsonFormatter(), "message", None, **extra)
    assert "hunter2secret" not in logged(JsonFormatter(), {"event": "x", **extra, "in": [extra]})


def test_sql_is_never_logged() -> None:
    assert logging_settings("text", "debug")["loggers"]["django.db.backends"]["level"] == "INFO"


@pytest.mark.parametrize(("level", "of_commands"), [("", "WARNING"), ("info", "INFO"), ("ERROR", "ERROR")])
def test_a_command_is_quiet_unless_told_otherwise(level: str, of_commands: str) -> None:
    assert logging_settings("text", level)["root"]["level"] == of_commands


@pytest.mark.parametrize(("level", "requests"), [("", "INFO"), ("DEBUG", "INFO"), ("ERROR", "WARNING")])
def test_requests_are_told_as_json_only_and_only_if_info_is(level: str, requests: str) -> None:
    assert logging_settings("json", level)["loggers"]["nullstore.request"]["level"] == requests
    assert logging_settings("text", level)["loggers"]["nullstore.request"]["level"] == "WARNING"


@pytest.mark.parametrize("wrong", [("xml", "INFO"), ("json", "LOUD")])
def test_a_format_or_level_that_does_not_exist(wrong: tuple[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        logging_settings(*wrong)
