"""Statements that Django's schema editor must not run, because it logs them with their parameters."""

from typing import LiteralString

import psycopg
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore.exceptions import ReplicationError
from nullstore.replication.conninfo import without_secrets

# A superuser can keep a statement out of the server's log and the extensions that keep copies.
_QUIET: LiteralString = """
    SELECT set_config(name, value, true)
    FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'),
                 ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'),
                 ('auto_explain.log_min_duration', '-1'), ('pgaudit.log', 'none'),
                 ('pg_stat_statements.track_utility', 'off')) AS setting (name, value)
    WHERE has_parameter_privilege(name, 'SET')
"""
# For everybody else: the statement comes as a bind parameter, which a server does not log with an error by default,
# and runs inside a block that hands on its error without it. pg_stat_activity shows the block.
_KEEP: LiteralString = "SELECT set_config('nullstore.statement', %s, true)"
_RUN_KEPT: LiteralString = """
    DO $nullstore$
    BEGIN
        EXECUTE current_setting('nullstore.statement');
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION USING MESSAGE = SQLERRM, ERRCODE = SQLSTATE;
    END
    $nullstore$
"""


def execute(connection: BaseDatabaseWrapper, statement: sql.SQL | sql.Composed) -> None:
    """Execute a statement on Django's connection, past its debug log. Raises Django's database errors."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        connection.connection.execute(statement)


def execute_secret(connection: BaseDatabaseWrapper, statement: sql.Composed, what: str) -> None:
    """Execute a statement that holds a secret, in the transaction that is open or in one of its own.

    Raises ReplicationError, with `what` and the server's message but without the statement.
    """
    try:
        with transaction.atomic(using=connection.alias):
            connection.ensure_connection()
            with connection.wrap_database_errors:
                _run_kept(connection.connection, statement)
    except DatabaseError as error:
        raise _told(what, error.__cause__ or error) from None


def run_secret(connection: psycopg.Connection, statement: sql.Composed, what: str) -> None:
    """Like execute_secret(), on a connection of our own."""
    try:
        with connection.transaction():
            _run_kept(connection, statement)
    except psycopg.Error as error:
        raise _told(what, error) from None


def without_values(error: BaseException) -> str:
    """Return what the server said. It never holds a value of a row: those are personal data."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, psycopg.DataError):
        return f"{type(cause).__name__} (SQLSTATE {cause.sqlstate})"
    said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
    return without_secrets(said or str(error).strip())


def _run_kept(connection: psycopg.Connection, statement: sql.Composed) -> None:
    # Not Django's cursor: that one puts parameters into the statement.
    cursor = psycopg.Cursor(connection)
    cursor.execute(_QUIET)
    cursor.execute(_KEEP, [statement.as_string(connection)])
    cursor.execute(_RUN_KEPT)
    cursor.execute(_KEEP, [""])


def _told(what: str, error: BaseException) -> ReplicationError:
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return ReplicationError(f"{what}: {without_secrets(said or type(error).__name__)}")
