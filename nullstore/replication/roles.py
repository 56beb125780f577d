"""The role with which the subscriber logs in to the publisher."""

from collections.abc import Iterator, Sequence

import psycopg
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from psycopg.errors import DependentObjectsStillExist, InsufficientPrivilege

from nullstore import conf
from nullstore.exceptions import DatabaseUnavailable, ReplicationError
from nullstore.replication import catalog
from nullstore.replication.connect import connect
from nullstore.replication.execute import execute, execute_secret, run_secret


def ensure_role(connection: BaseDatabaseWrapper) -> None:
    """Create the replication role, or see to it that an existing one can do its work with our password.

    A role belongs to the server: if another pair of databases made it with another password, changing that would cut
    the other pair off. Raises ReplicationError then.
    """
    name = conf.replication_role()
    found = catalog.role(connection, name)
    if found is None:
        connection.ensure_connection()
        verifier = _scram_verifier(connection.connection, name, conf.replication_password())
        execute_secret(connection, _create(verifier), f"Creating the role {name}")
        return
    if found.powers:
        raise ReplicationError(
            f"The role {name} exists and is {', '.join(found.powers)}: a role for replication must be none of that, "
            "its password is stored on the subscriber. Set REPLICATION_ROLE to a role of its own."
        )
    if not (found.can_login and found.can_replicate):
        # On a connection of its own, because the password is tried on another one.
        with connect(connection.alias) as own:
            own.execute(sql.SQL("ALTER ROLE {} LOGIN REPLICATION").format(sql.Identifier(name)))
    check_password(connection.alias, name)


def create_login(connection: psycopg.Connection, name: str, password: str, *, replication: bool = False) -> None:
    """Create a role that can log in; with `replication`, as the one that reads a slot. Raises ReplicationError."""
    statement = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
        sql.Identifier(name),
        sql.SQL("REPLICATION" if replication else "NOREPLICATION"),
        _scram_verifier(connection, name, password),
    )
    run_secret(connection, statement, f"Creating the role {name}")


def grant_select(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> None:
    """Let the role read the tables, which is what the initial copy needs, and nothing else."""
    for statement in _grants(connection.settings_dict["NAME"], tables):
        execute(connection, statement)


def drop_role(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> None:
    """Take the rights in this database from the role, and drop it unless another database of the server needs it."""
    if catalog.role(connection, conf.replication_role()) is None:
        return
    for statement in _revokes(connection.settings_dict["NAME"], tables):
        execute(connection, statement)
    try:
        with transaction.atomic(using=connection.alias):
            execute(connection, _drop())
    except DatabaseError as error:
        # Another pair on this server replicates with it, or somebody else made it, and it is not ours to drop.
        if not isinstance(error.__cause__, DependentObjectsStillExist | InsufficientPrivilege):
            raise


def create_statements(database: str, tables: Sequence[str], *, password: str) -> list[str]:
    """Return what ensure_role() and grant_select() do on a server without the role, as SQL to be shown."""
    return [statement.as_string() for statement in (_create(password), *_grants(database, tables))]


def drop_statements(database: str, tables: Sequence[str]) -> list[str]:
    """Return what drop_role() does, as SQL to be shown."""
    return [statement.as_string() for statement in (*_revokes(database, tables), _drop())]


def _role() -> sql.Identifier:
    return sql.Identifier(conf.replication_role())


def _create(password: str) -> sql.Composed:
    return sql.SQL("CREATE ROLE {} LOGIN REPLICATION PASSWORD {}").format(_role(), password)


def _drop() -> sql.Composed:
    return sql.SQL("DROP ROLE {}").format(_role())


def _grants(database: str, tables: Sequence[str]) -> Iterator[sql.Composed]:
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), _role())
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(_role())
    yield sql.SQL("GRANT SELECT ON {} TO {}").format(_list(tables), _role())


def _revokes(database: str, tables: Sequence[str]) -> Iterator[sql.Composed]:
    yield sql.SQL("REVOKE SELECT ON {} FROM {}").format(_list(tables), _role())
    yield sql.SQL("REVOKE USAGE ON SCHEMA public FROM {}").format(_role())
    yield sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(sql.Identifier(database), _role())


def check_password(alias: str, name: str, **place: str) -> None:
    """Raise ReplicationError unless the role has REPLICATION_PASSWORD. `place` is where to log in if not to `alias`."""
    try:
        connect(alias, user=name, password=conf.replication_password(), **place).close()
    except DatabaseUnavailable as error:
        if "password authentication failed" not in str(error):
            raise
        raise ReplicationError(
            f"The role {name} exists on this server with another password than REPLICATION_PASSWORD. "
            "Set REPLICATION_PASSWORD to that password, or REPLICATION_ROLE to a name of its own for this pair; if no "
            f"other pair uses the role, give it this password with psql: \\password {name}"
        ) from None


def _scram_verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """Return what a server keeps of the password. What its log may have of that cannot log in."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def _list(tables: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
