"""What makes a bare `psql -p PORT -d DATABASE` reach the local pair: programs, host, user and password file."""

import shlex

from nullstore import conf
from nullstore.localdb import home, pair
from nullstore.localdb.binaries import find_bindir
from nullstore.localdb.files import write_private
from nullstore.localdb.server import LocalServer


def exports() -> list[str]:
    """Write the password file and return shell commands that point libpq's programs to it; no password in them.

    Raises LocalServerError if the programs are missing.
    """
    servers = pair.servers()
    bindir = find_bindir(conf.pg_bindir())
    with home.settled(pair.directory()):
        passfile = pair.directory() / home.PASSFILE
        write_private(passfile, passfile_content(servers))
    return [
        f'export PATH={shlex.quote(str(bindir))}:"$PATH"',
        f"export PGHOST={shlex.quote(servers[0].host)}",
        f"export PGUSER={shlex.quote(servers[0].user)}",
        f"export PGPASSFILE={shlex.quote(str(passfile))}",
    ]


def passfile_content(servers: tuple[LocalServer, ...]) -> str:
    """Lines for libpq, see https://www.postgresql.org/docs/current/libpq-pgpass.html; both names of the host."""
    return "".join(
        f"{_escape(host)}:{server.port}:*:{_escape(server.user)}:{_escape(server.password)}\n"
        for server in servers
        for host in sorted({server.host, "localhost", "127.0.0.1"})
    )


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
