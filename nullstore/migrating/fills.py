"""Keeps Django from writing the replica where a field becomes NOT NULL."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.db import connections

from nullstore.databases import USER_SYNC
from nullstore.migrating.steps import replicated_tables


def rows_left_to_replication() -> AbstractContextManager[None]:
    """Leave out the UPDATE of NULLs that Django sends to the replica before SET NOT NULL.

    The guard refuses it, and the source's own has replicated by then. If one has not, SET NOT NULL fails.
    """
    tables = "|".join(re.escape(name) for name in replicated_tables())
    fill = re.compile(rf'UPDATE "(?:{tables})" SET "(\w+)" = .* WHERE "\1" IS NULL', re.DOTALL)

    def execute(real: Callable[..., Any], statement: Any, params: Any, many: bool, context: Any) -> Any:
        return None if fill.match(str(statement)) else real(statement, params, many, context)

    return connections[USER_SYNC.subscriber].execute_wrapper(execute)
