"""The roles that a dump names, on a server that does not have them: as after its loss."""

import psycopg
from psycopg import sql

from nullstore import conf
from nullstore.backup.manifest import Dump
from nullstore.backup.server import Server
from nullstore.databases import USER_SYNC
from nullstore.exceptions import RestoreError
from nullstore.replication.roles import create_login


def missing_roles(server: Server, dump: Dump) -> list[str]:
    """Return the roles that the dump names and the server does not have."""
    found = server.connection.execute("SELECT rolname::text FROM pg_roles").fetchall()
    return sorted(set(dump.roles) - {name for (name,) in found})


def passwords(alias: str) -> dict[str, str]:
    """Return the passwords of the roles that the settings name for the database `alias`, by role."""
    user, password = conf.runtime_login(alias)
    found = {user: password}
    if alias == USER_SYNC.publisher:
        found[conf.replication_role()] = conf.replication_password()
    return found


def make_role(server: Server, name: str) -> None:
    """Make the role, so that what the dump grants it is kept: with its password if the settings have it, else without
    login. Raises RestoreError.
    """
    known = passwords(server.alias)
    try:
        if name in known:
            create_login(server.connection, name, known[name], replication=name == conf.replication_role())
        else:
            server.connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise RestoreError(
            f"The dump of {server.alias} names the role {name}, which is not on its server and cannot be made: "
            f"{error.diag.message_primary or error}. Make it as a superuser: CREATE ROLE {name}"
        ) from error
