"""How far a backup or restore has come."""

from collections.abc import Callable

#: Is told what is being done, and how much of it: done, of so many.
Progress = Callable[[str, int, int], None]


class Counter:
    """Tells how many tables a program has begun, by the lines that it writes when it is told to be verbose."""

    def __init__(self, what: str, tables: int, begins: str, progress: Progress) -> None:
        self._what, self._tables, self._begins, self._progress = what, tables, begins, progress
        self._begun = 0

    def line(self, said: str) -> None:
        """Take a line."""
        _, mark, table = said.partition(self._begins)
        if mark:
            self._begun += 1
            self._progress(f"{self._what} {table}", self._begun, self._tables)
