"""A limit to how long one statement may keep a page waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connections, transaction
from psycopg.errors import QueryCanceled

#: For the rows of a list, in milliseconds.
ROWS_TIMEOUT = 2_000
#: For counting the rows that a filter leaves, in milliseconds.
COUNT_TIMEOUT = 20


@contextmanager
def statement_timeout(alias: str, milliseconds: int) -> Iterator[None]:
    """Run the block in a transaction on `alias` in which no statement may take longer than `milliseconds`.

    Inside an open transaction it is a savepoint, and the timeout of before is in force again afterwards.
    """
    connection = connections[alias]
    nested = connection.in_atomic_block
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)",
            [str(milliseconds)],
        )
        before = cursor.fetchone()[0]
        yield
        # An error undoes it with the savepoint, a commit with the transaction; releasing a savepoint does not.
        if nested:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


def timed_out(error: DatabaseError | InterfaceError) -> bool:
    """Return whether `error` is that of a statement that was canceled, as a statement timeout does."""
    return isinstance(error.__cause__, QueryCanceled)
