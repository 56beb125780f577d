"""manage.py replication status."""

import json
import math
import os
import sys
import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.replication.action import Action
from nullstore.management.replication.status_text import in_full, in_one_line
from nullstore.replication.health import Health, health

_CLEAR = "\x1b[H\x1b[2J"
#: What a shell shows of a program that ended by SIGINT, and of one whose reader went away (SIGPIPE).
_INTERRUPTED, _UNREAD = 130, 141


class Status(Action):
    name = "status"
    help = "Say from both ends how replication is: ok (exit 0), syncing or lagging (1), broken (2), and what mends it."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="Print JSON on stdout; with --watch one line a look.")
        how.add_argument("--check", action="store_true", help="Print one line, for cron and monitoring.")
        parser.add_argument("--watch", action="store_true", help="Look again and again, until Ctrl-C.")
        parser.add_argument(
            "--interval", type=_interval, default=2.0, help="Seconds between two looks of --watch (default: 2)."
        )
        parser.add_argument(
            "--timeout", type=_timeout, default=2.0, help="Seconds to wait for what is written now (default: 2)."
        )

    def run(self, options: dict[str, Any]) -> int:
        try:
            while True:
                found = health(options["timeout"])
                self._show(found, options)
                if not options["watch"]:
                    return found.verdict.exit_code
                time.sleep(options["interval"])
        except KeyboardInterrupt:
            if not options["watch"]:
                raise
            return _INTERRUPTED
        except BrokenPipeError:
            # Or Python would complain once more when it flushes stdout at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _UNREAD

    def _show(self, found: Health, options: dict[str, Any]) -> None:
        redrawn = options["watch"] and sys.stdout.isatty()
        if options["json"]:
            indent = None if options["watch"] else 2
            self.print(json.dumps(found.as_json(), indent=indent))
        elif options["check"] or (options["watch"] and not redrawn):
            self.print(in_one_line(found))
        else:
            self.print(f"{_CLEAR if redrawn else ''}{in_full(found)}")
        sys.stdout.flush()


def _timeout(said: str) -> float:
    return _seconds(said, at_least=0.0)


def _interval(said: str) -> float:
    return _seconds(said, at_least=0.1)


def _seconds(said: str, at_least: float) -> float:
    try:
        seconds = float(said)
    except ValueError:
        raise ArgumentTypeError(f"{said!r} is not a number of seconds") from None
    if not math.isfinite(seconds) or seconds < at_least:
        raise ArgumentTypeError(f"{said} is not a number of seconds from {at_least:g} on")
    return seconds
