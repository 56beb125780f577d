"""The base of the actions of manage.py replication."""

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from nullstore.management.asking import ask


class Action(ABC):
    """One action: its name on the command line, its options, and what it does with `command`'s stdout and stderr.

    run() returns the exit code: 0 good, 1 not yet or different, 2 broken. Errors of nullstore go to the command.
    """

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, command: BaseCommand) -> None:
        self.command = command

    @classmethod
    @abstractmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the options of the action to its parser."""

    @abstractmethod
    def run(self, options: dict[str, Any]) -> int:
        """Do it, print what came out, and return the exit code."""

    def print(self, text: str) -> None:
        self.command.stdout.write(text)

    def print_json(self, value: Any) -> None:
        self.command.stdout.write(json.dumps(value, indent=2, default=str))

    def confirm(self, question: str, options: dict[str, Any]) -> None:
        """Ask on stderr whether to go on, unless `no_input`. Raises CommandError without a yes or a terminal."""
        if not options["no_input"]:
            ask(self.command.stderr, self.name, question)
