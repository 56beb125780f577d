"""What a command that takes its time says meanwhile."""

from django.core.management.base import BaseCommand


class Line:
    """One line on stderr that says what is being done, at a terminal only; gone at the end."""

    def __init__(self, command: BaseCommand) -> None:
        self._stream = command.stderr
        self._shown = bool(getattr(self._stream, "isatty", lambda: False)())

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def show(self, doing: str) -> None:
        self._write(doing)

    def count(self, what: str, done: int, of: int) -> None:
        """Show how far it has come."""
        self._write(f"{what} ({done:,} of {of:,})")

    def _write(self, text: str) -> None:
        if self._shown:
            self._stream.write(f"\r\x1b[K{text}", style_func=str, ending="")
            self._stream.flush()
