"""A command killed with SIGKILL at a statement of the test's choice.

A forked process runs it and kills itself before the statement, whichever connection that is on.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connections
from psycopg.sql import Composable


def die_before_statement(number: int, counts: Callable[[str], bool]) -> None:
    """From now on in this process, SIGKILL it before the `number`-th statement that counts and goes to any server."""
    seen = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += counts(query.as_string(self) if isinstance(query, Composable) else str(query))
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, query, *args, **kwargs)

        return execute

    for cursor in (psycopg.Cursor, psycopg.ClientCursor):
        if "execute" in vars(cursor):
            cursor.execute = counted(cursor.execute)  # type: ignore[method-assign]


def survives(number: int, act: Callable[[], None], counts: Callable[[str], bool] = lambda _: True) -> bool:
    """Run `act` in a forked process that dies before its `number`-th statement that counts.

    Returns whether it got through.
    """
    for connection in connections.all(initialized_only=True):
        connection.close()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            die_before_statement(number, counts)
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0, "it failed, and was not killed"
    return True
