"""Somebody else who writes while a page is made: between two of its statements."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

#: With this a section of a row's page begins.
SECTION = r"current_setting\('statement_timeout'\)"


@contextmanager
def after(pattern: str, act: Callable[[], Any], alias: str = "erebus") -> Iterator[None]:
    """Do `act` once, after the first statement that `pattern` is found in; fail if there was none."""
    done: list[str] = []

    def watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if not done and re.search(pattern, str(sql)):
            done.append(str(sql))
            act()
        return found

    with connections[alias].execute_wrapper(watch):
        yield
    assert done, f"no statement with {pattern}"
