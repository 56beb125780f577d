"""Statements that Django's schema editor must not run, because it logs them with their parameters."""

from typing import LiteralString

import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore.exceptions import ReplicationError
from nullstore.replication.conninfo import without_secrets

# A failing or slow statement is written to the server's log whole, and extensions keep copies. All of these are
# superuser settings; where we may not set them, nothing on the client's side can.
_QUIET: LiteralString = """
    SELECT set_config(name, value, true)
    FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'),
                 ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'),
                 ('auto_explain.log_min_duration', '-1'), ('pgaudit.log', 'none'),
                 ('pg_stat_statements.track_utility', 'off')) AS setting (name, value)
    WHERE has_parameter_privilege(name, 'SET')
"""


def execute(connection: BaseDatabaseWrapper, statement: sql.SQL | sql.Composed) -> None:
    """Execute a statement on Django's connection, past its debug log."""
    connection.ensure_connection()
    connection.connection.execute(statement)


def execute_secret(connection: BaseDatabaseWrapper, statement: sql.Composed, what: str) -> None:
    """Execute a statement that holds a secret, in the transaction that is open or in one of its own.

    Raises ReplicationError, with `what` and the server's message but without the statement.
    """
    try:
        with transaction.atomic(using=connection.alias):
            execute(connection, sql.SQL(_QUIET))
            execute(connection, statement)
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise ReplicationError(f"{what}: {without_secrets(reason)}") from None
