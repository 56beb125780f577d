"""What a restore does to the databases of a server, from its maintenance database."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import psycopg
from django.db import connections
from psycopg import sql

from nullstore.backup.manifest import Locale
from nullstore.exceptions import DatabaseUnavailable, RestoreError
from nullstore.replication.connect import connect
from nullstore.replication.lock import lock_key, unlock

#: Databases to connect to while others are renamed; every server has one of them.
_MAINTENANCE: Final = ("postgres", "template1")


class Session(NamedTuple):
    """Somebody who is connected to a database."""

    pid: int
    user: str
    application: str
    client: str

    def __str__(self) -> str:
        return f"{self.application or 'somebody'} as {self.user} from {self.client or 'the server'} (pid {self.pid})"


@dataclass(frozen=True, slots=True)
class Server:
    """The server of an alias, and the name of the alias's database, which need not exist."""

    alias: str
    live: str
    connection: psycopg.Connection

    @property
    def place(self) -> str:
        """Where the database is, for people."""
        info = self.connection.info
        return f"{self.live} at {info.host}:{info.port}"

    @property
    def major(self) -> int:
        return self.connection.info.server_version // 10_000

    def comments(self) -> dict[str, str]:
        """Return the comment of each database; "" where there is none."""
        found = self.connection.execute(
            "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database "
            "WHERE NOT datistemplate"
        ).fetchall()
        return dict(found)

    def create(self, name: str, locale: Locale, comment: str) -> None:
        """Create an empty database. Raises RestoreError if the server cannot, such as for want of a locale."""
        options = [
            ("ENCODING", locale.encoding),
            ("LOCALE_PROVIDER", locale.provider),
            ("LC_COLLATE", locale.collate),
            ("LC_CTYPE", locale.ctype),
        ]
        if locale.locale:
            options.append(("ICU_LOCALE" if locale.provider == "icu" else "BUILTIN_LOCALE", locale.locale))
        clauses = [sql.SQL(f"{word} {{}}").format(value) for word, value in options]
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(
            sql.Identifier(name), sql.SQL(" ").join(clauses)
        )
        try:
            self.connection.execute(statement)
        except psycopg.Error as error:
            raise RestoreError(
                f"{name} cannot be made on {self.alias}: {error.diag.message_primary or error}."
            ) from error
        self.comment(name, comment)

    def drop(self, name: str) -> None:
        """Drop the database, with whatever is connected to it."""
        self.connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def comment(self, name: str, text: str) -> None:
        self.connection.execute(comment(name, text))

    def sessions(self, name: str) -> list[Session]:
        """Return who is connected to the database; not the server's own processes."""
        found = self.connection.execute(
            "SELECT pid, usename, application_name, host(client_addr) FROM pg_stat_activity "
            "WHERE datname = %s AND backend_type IN ('client backend', 'walsender') ORDER BY backend_start",
            [name],
        ).fetchall()
        return [Session(*row) for row in found]

    def disconnect(self, name: str) -> None:
        """End the sessions of the database, as far as we may."""
        self.connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )


def comment(name: str, text: str) -> sql.Composed:
    """Return the statement that gives the database this comment."""
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), text)


def rename(name: str, to: str) -> sql.Composed:
    """Return the statement that renames the database. It is refused while somebody is connected."""
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to))


@contextmanager
def servers(aliases: Sequence[str]) -> Iterator[dict[str, Server]]:
    """Give the servers of these aliases, connected to. Raises DatabaseUnavailable."""
    with ExitStack() as stack:
        yield {
            alias: Server(
                alias,
                str(connections[alias].settings_dict["NAME"]),
                stack.enter_context(_maintenance(alias)),
            )
            for alias in aliases
        }


def _maintenance(alias: str) -> psycopg.Connection:
    for name in _MAINTENANCE[:-1]:
        try:
            return connect(alias, dbname=name)
        except DatabaseUnavailable as error:
            if "does not exist" not in str(error):
                raise
    return connect(alias, dbname=_MAINTENANCE[-1])


@contextmanager
def alone_on(there: dict[str, Server]) -> Iterator[None]:
    """Keep other runs from restoring the same databases. Raises RestoreError if one is at it."""
    held = []
    try:
        for server in there.values():
            key = lock_key(f"restore {server.live}")
            row = server.connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
            if row != (True,):
                raise RestoreError(f"Another run is restoring {server.place}. Let it end, then run the same again.")
            held.append((server.connection, key))
        yield
    finally:
        for connection, key in held:
            unlock(connection, key)
