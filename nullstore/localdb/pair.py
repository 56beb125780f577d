"""The servers that the settings ask for: one for each of the two databases, or one for both."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nullstore import conf
from nullstore.databases import ALIASES
from nullstore.exceptions import LocalServerError
from nullstore.localdb import cluster, home, postmaster
from nullstore.localdb.addresses import loopback_addresses
from nullstore.localdb.binaries import programs_for_servers
from nullstore.localdb.files import size_of
from nullstore.localdb.server import LocalServer, Outcome
from nullstore.owner import owner_settings, variable_of

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What `localdb status` tells of one server; sizes in bytes."""

    aliases: tuple[str, ...]
    databases: tuple[str, ...]
    host: str
    port: int
    running: bool
    pid: int | None
    version: str | None
    data_directory: str
    size_bytes: int


def directory() -> Path:
    """The folder of the local pair: NULLSTORE_LOCALDB_DIR, or a place for the user who runs this."""
    return (conf.localdb_directory() or home.default_home(_CHECKOUT)).absolute()


def servers() -> tuple[LocalServer, ...]:
    """The servers that the database URLs describe. URLs with the same port mean one server with two databases.

    Raises LocalServerError if they cannot be served that way.
    """
    by_port: dict[int, list[str]] = {}
    for alias in ALIASES:
        by_port.setdefault(int(owner_settings(alias)["PORT"]), []).append(alias)
    return tuple(_server(tuple(aliases)) for aliases in by_port.values())


def start(report: Callable[[LocalServer, Outcome, str], None]) -> None:
    """Make and start both servers at once; `report` gets each, what was done, and PostgreSQL's version.

    Raises LocalServerError, after the other server is done, with what went wrong in each.
    """
    wanted = servers()
    with home.settled(directory()):
        programs = programs_for_servers(conf.pg_bindir(), directory() / home.PROGRAMS)
        with ThreadPoolExecutor() as pool:
            runs = [(server, pool.submit(server.start, programs)) for server in wanted]
        for server, run in runs:
            if not run.exception():
                report(server, run.result(), programs.version)
        _raise_together([run for _, run in runs])


def stop(mode: str = "fast") -> list[Path]:
    """Stop every server of the folder, those of earlier settings too; return the folders of those that ran."""
    if not home.is_marked(directory()):
        return []
    with home.locked(directory()):
        return _stop_all(mode)


def status() -> list[ServerStatus]:
    """Look at the servers that the settings ask for; changes nothing."""
    return [_status(server) for server in servers()]


def what_reset_deletes() -> list[Path]:
    """The folders of servers that reset() would stop and delete.

    Raises LocalServerError if the pair's folder is not one that localdb made.
    """
    place = directory()
    if not home.is_marked(place) and place.is_dir() and any(place.iterdir()):
        raise LocalServerError(f"{place} does not have localdb's file {home.MARKER}, so nothing in it will be deleted.")
    return home.server_folders(place)


def reset() -> None:
    """Stop the servers and delete them with all their data. What localdb did not make stays."""
    what_reset_deletes()
    if home.is_marked(directory()):
        with home.locked(directory()):
            _stop_all("immediate")
            home.remove(directory())


def _server(aliases: tuple[str, ...]) -> LocalServer:
    settings = [owner_settings(alias) for alias in aliases]
    first = settings[0]
    server = LocalServer(
        directory=directory() / home.SERVERS / "-".join(aliases),
        host=str(first["HOST"]),
        port=int(first["PORT"]),
        user=str(first["USER"]),
        password=str(first["PASSWORD"]),
        databases=tuple(str(each["NAME"]) for each in settings),
        aliases=aliases,
        named_by=" and ".join(variable_of(alias) for alias in aliases),
    )
    _require_complete(server, settings)
    return server


def _require_complete(server: LocalServer, settings: list[dict[str, Any]]) -> None:
    if not (server.user and server.password):
        raise LocalServerError(f"{server.variables} must name a user and a password for localdb to make a server.")
    loopback_addresses(server.host, server.variables)
    if any(
        (each["HOST"], each["USER"], each["PASSWORD"]) != (server.host, server.user, server.password)
        for each in settings
    ):
        raise LocalServerError(
            f"{server.variables} name the same port {server.port}, which means one server for both; "
            "then host, user and password must be the same too."
        )
    if len(set(server.databases)) < len(server.databases):
        raise LocalServerError(f"{server.variables} name the same database; each needs one of its own.")


def _stop_all(mode: str) -> list[Path]:
    folders = [folder.resolve() for folder in home.server_folders(directory())]
    with ThreadPoolExecutor() as pool:
        runs = [(folder, pool.submit(postmaster.stop, folder / "data", mode)) for folder in folders]
    _raise_together([run for _, run in runs])
    return [folder for folder, run in runs if run.result()]


def _raise_together(runs: list[Future[Any]]) -> None:
    """Raise what went wrong in all of them as one error, so that everything can be mended at once."""
    errors = [error for run in runs if (error := run.exception())]
    if errors and all(isinstance(error, LocalServerError) for error in errors):
        raise LocalServerError("\n".join(str(error) for error in errors)) from errors[0]
    for error in errors:
        raise error


def _status(server: LocalServer) -> ServerStatus:
    pid = server.pid
    return ServerStatus(
        aliases=server.aliases,
        databases=server.databases,
        host=server.host,
        port=server.port,
        running=pid is not None,
        pid=pid,
        version=cluster.version_of(server.data),
        data_directory=str(server.data),
        size_bytes=size_of(server.data),
    )
