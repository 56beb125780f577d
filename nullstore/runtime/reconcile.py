"""Makes the runtime role and brings its rights to what nullstore.runtime.rights declares."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from nullstore.exceptions import DatabaseUnavailable, RuntimeRoleError
from nullstore.owner import owner_settings
from nullstore.replication.connect import connect
from nullstore.replication.roles import create_login
from nullstore.runtime import catalog
from nullstore.runtime.rights import Right, table_rights, wanted_rights


@dataclass(slots=True)
class Change:
    """What was, or in a dry run would be, done in one database; `problems` are for somebody with more rights."""

    alias: str
    role: str
    made: bool = False
    granted: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether something differs from what is declared, problems aside."""
        return self.made or bool(self.granted or self.revoked)


def ensure_runtime_role(alias: str, role: str, password: str, *, dry_run: bool = False) -> Change | None:
    """Make the role if it is missing, and give it exactly its rights, in one transaction; None if it is the owner.

    Connected as the owner. The password of a role that exists is not changed. Raises RuntimeRoleError if it differs.
    """
    if not role or role == owner_settings(alias)["USER"]:
        return None
    with connect(alias) as connection:
        change = Change(alias, role, made=not catalog.exists(connection, role))
        if change.made and not dry_run:
            create_login(connection, role, password)
        if not change.made or not dry_run:
            with connection.transaction():
                _reconcile(connection, change, dry_run=dry_run)
            change.problems += [f"{role} is {power}" for power in catalog.powers(connection, role, table_rights(alias))]
    if not (dry_run or change.made):
        _check_login(alias, role, password)
    return change


def _reconcile(connection: psycopg.Connection, change: Change, *, dry_run: bool) -> None:
    wanted = wanted_rights(change.alias, connection.info.dbname, *catalog.relations(connection))
    found = catalog.granted(connection, change.role)
    for right in sorted(wanted - found):
        if dry_run or _done(connection, change, right, _grant(right, change.role)):
            change.granted.append(str(right))
    for right in sorted(found - wanted):
        if dry_run or _done(connection, change, right, _revoke(right, change.role)):
            change.revoked.append(str(right))


def _done(connection: psycopg.Connection, change: Change, right: Right, statement: sql.Composed) -> bool:
    """Execute, unless the owner may not; then it is a problem to be told of, with the statement for who may."""
    try:
        with connection.transaction():
            connection.execute(statement)
        if (right in catalog.granted(connection, change.role)) == statement.as_string().startswith("GRANT"):
            return True
    except psycopg.errors.InsufficientPrivilege:
        pass
    change.problems.append(f"{right} is for a superuser or its owner to settle: {statement.as_string()}")
    return False


def _grant(right: Right, role: str) -> sql.Composed:
    return sql.SQL("GRANT {} TO {}").format(_on(right), sql.Identifier(role))


def _revoke(right: Right, role: str) -> sql.Composed:
    return sql.SQL("REVOKE {} FROM {}").format(_on(right), sql.Identifier(role))


def _on(right: Right) -> sql.Composed:
    # The privileges come from the catalog or from us; functions are named with their arguments.
    return sql.SQL(" ").join(_words(right))


def _words(right: Right) -> Iterator[sql.Composable]:
    yield sql.SQL(right.privilege)
    yield sql.SQL("ON")
    yield sql.SQL(right.kind)
    if right.kind == "FUNCTION":
        yield sql.SQL(f"pg_catalog.{right.name}")
    elif right.kind in ("TABLE", "SEQUENCE"):
        yield sql.Identifier("public", right.name)
    else:
        yield sql.Identifier(right.name)


def _check_login(alias: str, role: str, password: str) -> None:
    try:
        connect(alias, user=role, password=password).close()
    except DatabaseUnavailable as error:
        if "password authentication failed" not in str(error):
            raise
        raise RuntimeRoleError(
            f"The role {role} exists on the server of {alias} with another password than {alias.upper()}_DATABASE_URL "
            "has. Write that password into the URL, or name a role of its own for this pair; if nobody else uses the "
            f"role, give it this password with psql, as its owner: \\password {role}"
        ) from None
