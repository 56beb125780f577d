"""What a command says that works step by step: to people as it goes on, to programs at its end."""

import json
from typing import Any

from django.core.management.base import BaseCommand


class Talk:
    """What `command` says. With `as_json`, stdout gets one JSON object at the end and nothing else."""

    def __init__(self, command: BaseCommand, *, as_json: bool) -> None:
        self._command, self._as_json = command, as_json
        self.steps: list[str] = []

    def step(self, sentence: str) -> None:
        """Say what has been done."""
        self.steps.append(sentence)
        if not self._as_json:
            self._command.stdout.write(sentence)

    def end(self, text: str, value: dict[str, Any]) -> None:
        """Say what came of it: `text` to people, `value` to programs."""
        if self._as_json:
            self._command.stdout.write(json.dumps(value, indent=2))
        elif text:
            self._command.stdout.write(text)

    def aside(self, text: str) -> None:
        """Say something on stderr that is no result."""
        self._command.stderr.write(text, style_func=str)
