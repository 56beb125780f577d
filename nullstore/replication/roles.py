"""The role with which the subscriber logs in to the publisher."""

from collections.abc import Iterator, Sequence

import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import DatabaseUnavailable, ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute, execute_secret


def ensure_role(connection: BaseDatabaseWrapper) -> None:
    """Create the replication role, or see to it that an existing one can do its work with our password.

    A role belongs to the server: if another pair of databases made it with another password, changing that would cut
    the other pair off. Raises ReplicationError then.
    """
    name = conf.replication_role()
    found = catalog.role(connection, name)
    if found is None:
        # The verifier and not the password: what a server's log may keep cannot log in.
        verifier = _scram_verifier(connection, name, conf.replication_password())
        execute_secret(connection, _create(verifier), f"Creating the role {name}")
        return
    if not (found.can_login and found.can_replicate):
        execute(connection, sql.SQL("ALTER ROLE {} LOGIN REPLICATION").format(sql.Identifier(name)))
    _check_password(connection, name)


def grant_select(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> None:
    """Let the role read the tables, which is what the initial copy needs, and nothing else."""
    for statement in _grants(tables):
        execute(connection, statement)


def drop_role(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> None:
    """Take the rights in this database from the role, and drop it unless another database of the server needs it."""
    if catalog.role(connection, conf.replication_role()) is None:
        return
    for statement in _revokes(tables):
        execute(connection, statement)
    try:
        with transaction.atomic(using=connection.alias):
            execute(connection, _drop())
    except psycopg.errors.DependentObjectsStillExist:
        return  # another pair on this server replicates with it


def create_statements(tables: Sequence[str], *, password: str) -> list[str]:
    """Return what ensure_role() and grant_select() do on a server without the role, as SQL to be shown."""
    return [statement.as_string() for statement in (_create(password), *_grants(tables))]


def drop_statements(tables: Sequence[str]) -> list[str]:
    """Return what drop_role() does, as SQL to be shown."""
    return [statement.as_string() for statement in (*_revokes(tables), _drop())]


def _role() -> sql.Identifier:
    return sql.Identifier(conf.replication_role())


def _create(password: str) -> sql.Composed:
    return sql.SQL("CREATE ROLE {} LOGIN REPLICATION PASSWORD {}").format(_role(), password)


def _drop() -> sql.Composed:
    return sql.SQL("DROP ROLE {}").format(_role())


def _grants(tables: Sequence[str]) -> Iterator[sql.Composed]:
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(_role())
    yield sql.SQL("GRANT SELECT ON {} TO {}").format(_list(tables), _role())


def _revokes(tables: Sequence[str]) -> Iterator[sql.Composed]:
    yield sql.SQL("REVOKE SELECT ON {} FROM {}").format(_list(tables), _role())
    yield sql.SQL("REVOKE USAGE ON SCHEMA public FROM {}").format(_role())


def _check_password(connection: BaseDatabaseWrapper, name: str) -> None:
    try:
        connect(connection.alias, user=name, password=conf.replication_password()).close()
    except DatabaseUnavailable as error:
        if "password authentication failed" not in str(error):
            raise
        raise ReplicationError(
            f"The role {name} exists on this server with another password than REPLICATION_PASSWORD. "
            "Set REPLICATION_PASSWORD to that password, or REPLICATION_ROLE to a name of its own for this pair; if no "
            f"other pair uses the role, give it this password with psql: \\password {name}"
        ) from None


def _scram_verifier(connection: BaseDatabaseWrapper, role: str, password: str) -> str:
    connection.ensure_connection()
    verifier: bytes = connection.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return verifier.decode()


def _list(tables: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
