"""Shows what nullstore.replication logs while migrations run: what was altered, what was as declared already."""

import logging
from collections.abc import Callable
from types import TracebackType

_LOGGER = logging.getLogger("nullstore.replication")


class Hearing(logging.Handler):
    """Collects what is logged at INFO and above while the context is open. flush() hands it to `tell`, line by line.

    Collected, because Django leaves the line of a migration open until it is done. It is not logged a second time.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.tell = tell
        self._lines: list[str] = []
        self._level, self._propagate = _LOGGER.level, _LOGGER.propagate

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            self.tell(line)

    def __enter__(self) -> "Hearing":
        self._level, self._propagate = _LOGGER.level, _LOGGER.propagate
        _LOGGER.propagate = False
        if _LOGGER.getEffectiveLevel() > logging.INFO:
            _LOGGER.setLevel(logging.INFO)
        _LOGGER.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _LOGGER.removeHandler(self)
        _LOGGER.setLevel(self._level)
        _LOGGER.propagate = self._propagate
        self.flush()
