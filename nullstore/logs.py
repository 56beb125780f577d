"""How nullstore logs: text or one JSON object a line, on stderr, and no secret in either."""

import copy
import logging
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest
from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter as Json

from nullstore import conf
from nullstore.exceptions import InvalidSetting
from nullstore.redaction import masked, redact, text_of
from nullstore.requestlog import id_of

FORMATS: Final = ("text", "json")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def logging_settings(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING. Without a level it is WARNING, until serve() makes it INFO.

    Raises InvalidSetting for a format or a level that does not exist.
    """
    level = level.upper()
    if form not in FORMATS:
        raise InvalidSetting(f"NULLSTORE_LOG_FORMAT must be one of {', '.join(FORMATS)}.")
    if level not in ("", *LEVELS):
        raise InvalidSetting(f"NULLSTORE_LOG_LEVEL must be one of {', '.join(LEVELS)}.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"nullstore": _formatter(form)},
        "filters": {"not debug": {"()": "django.utils.log.RequireDebugFalse"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "nullstore"},
            # To ADMINS, where there are some; Django's own report, which leaves out what is marked as sensitive.
            "mail": {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR", "filters": ["not debug"]},
        },
        "root": {"handlers": ["stderr"], "level": level or "WARNING"},
        "loggers": {
            "django": {"handlers": ["mail"], "level": "NOTSET", "propagate": True},
            # Of runserver. As JSON there is a line of ours for each request.
            "django.server": {
                "handlers": ["stderr"],
                "level": "WARNING" if form == "json" else "INFO",
                "propagate": False,
            },
            # Statements hold people's data and passwords of roles: never, whatever the level.
            "django.db.backends": {"level": "INFO"},
            "psycopg": {"level": "WARNING"},
            # In text there is none: the proxy in front has a log of its own for people to read.
            "nullstore.request": {"level": _requests(form, level)},
        },
    }


def gunicorn_settings(form: str) -> dict[str, Any]:
    """Return gunicorn's logconfig_dict: its own lines in the same form, and masked as ours are."""
    quiet: dict[str, Any] = {"level": "INFO", "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"nullstore": _formatter(form)},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "nullstore"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"gunicorn.error": {**quiet}, "gunicorn.access": {**quiet, "handlers": []}},
    }


def serve() -> None:
    """Tell from INFO on, as a web process: nobody reads its output as people read that of a command.

    NULLSTORE_LOG_LEVEL, where it is set, holds for both. Python's warnings become lines like all others.
    """
    logging.captureWarnings(True)
    if not conf.log_level():
        logging.getLogger().setLevel(logging.INFO)


def _formatter(form: str) -> dict[str, Any]:
    return {"()": "nullstore.logs.JsonFormatter" if form == "json" else "nullstore.logs.TextFormatter"}


def _requests(form: str, level: str) -> str:
    return "INFO" if form == "json" and level in ("", "DEBUG", "INFO") else "WARNING"


def _tellable(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record, without its arguments if they do not fit: Python would print them with a traceback."""
    try:
        record.getMessage()
    except Exception:
        record = copy.copy(record)
        record.msg, record.args = f"{text_of(record.msg)} (its arguments do not fit)", None
    return record


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z WARNING django.request [request id] message`, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        made = super().format(_tellable(record))
        told = f" [{found}]" if (found := id_of(getattr(record, "request", None))) else ""
        return redact(f"{_time(record)} {record.levelname} {record.name}{told} {made}")


class JsonFormatter(Json):
    """One object a line: time, level, logger, message, request_id, exception, and what else the record has."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_tellable(record))

    def process_log_record(self, log_data: LogData) -> LogData:
        return masked(super().process_log_record(log_data))

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.update(time=_time(record), level=record.levelname, logger=record.name)
        request = log_data.pop("request", None)
        if found := id_of(request):
            log_data["request_id"] = found
        if "exc_info" in log_data:
            log_data["exception"] = log_data.pop("exc_info")
        if isinstance(request, HttpRequest):
            log_data.update(method=request.method, path=request.path)
        if "status_code" in log_data:
            log_data["status"] = log_data.pop("status_code")


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
