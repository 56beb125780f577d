"""Asking before something is changed."""

import sys

from django.core.management.base import CommandError, OutputWrapper


def ask(stderr: OutputWrapper, name: str, question: str, *, typed: str = "") -> None:
    """Ask on stderr whether to go on: a yes is wanted, or, where there is much to lose, `typed` to the letter.

    Raises CommandError without that answer; and at once where there is no terminal, as the command or action `name`.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"{name} asks first, and there is no terminal: add --no-input.", returncode=2)
    stderr.write(f"{question} " if typed else f"{question} [y/N] ", style_func=str, ending="")
    stderr.flush()
    answer = sys.stdin.readline().strip()
    if not (answer == typed if typed else answer.lower() in ("y", "yes")):
        raise CommandError("Nothing was changed.", returncode=1)
