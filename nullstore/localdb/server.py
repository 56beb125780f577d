"""One PostgreSQL server for this machine. Knows nothing of Django's settings."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from nullstore.exceptions import LocalServerError
from nullstore.localdb import cluster, config, postmaster
from nullstore.localdb.account import Account, server_account
from nullstore.localdb.addresses import is_taken, loopback_addresses
from nullstore.localdb.binaries import Programs
from nullstore.localdb.files import advice_on_disk, write_private
from nullstore.localdb.folders import make_server_folder
from nullstore.localdb.launch import launch, log_tail

#: What start() found and did.
Outcome = Literal["made and started", "started", "restarted", "running already"]


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server on a loopback address: its data and logs in `directory`, made at the first start.

    `aliases` are the Django databases it serves, for messages; `extra_settings` go into its configuration.
    `named_by` are the environment variables that describe it, where they are not the aliases' database URLs.
    """

    directory: Path
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    databases: tuple[str, ...]
    aliases: tuple[str, ...]
    extra_settings: Mapping[str, str] = field(default_factory=dict)
    named_by: str = ""

    @property
    def data(self) -> Path:
        """The data directory, by the one name that the server's process has in its command line."""
        return self.directory.resolve() / "data"

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        return postmaster.pid_of(self.data)

    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self.pid is not None

    def start(self, programs: Programs, *, timeout: float = 60.0) -> Outcome:
        """Make the server if it is absent, start it if it does not run, and log in to it to be sure.

        Does nothing to one that runs as it should; one with other settings is restarted. `timeout` (seconds) is for
        getting ready, crash recovery included. Raises LocalServerError.
        """
        try:
            return self._start(programs, timeout)
        except OSError as error:
            cause = f"{error.strerror}: {error.filename or self.directory}"
            advice = advice_on_disk(self.directory)
            raise LocalServerError(f"{self.title} could not be started: {cause}.{advice}") from error
        except psycopg.Error as error:
            names = " and ".join(self.databases)
            advice = advice_on_disk(self.directory)
            raise LocalServerError(f"{self.title} runs, but could not make {names}: {error}.{advice}") from error

    def stop(self, mode: str = "fast", timeout: float = postmaster.STOP_TIMEOUT) -> bool:
        """Stop the server ("smart", "fast" or "immediate") and wait for it; return whether it ran.

        Raises LocalServerError after `timeout` seconds.
        """
        return postmaster.stop(self.data, mode, timeout)

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection:
        """Return an autocommit connection of the superuser."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            connect_timeout=5,
            sslmode="disable",
            autocommit=True,
            **options,
        )

    @property
    def title(self) -> str:
        """What messages call this server."""
        return f"The server of {' and '.join(self.aliases)} (port {self.port})"

    @property
    def variables(self) -> str:
        """The environment variables that describe this server."""
        return self.named_by or " and ".join(f"{alias.upper()}_DATABASE_URL" for alias in self.aliases)

    def _start(self, programs: Programs, timeout: float) -> Outcome:
        addresses = loopback_addresses(self.host, self.variables)
        account = server_account(self.directory)
        make_server_folder(self.directory, account)
        made = not self.data.exists()
        if made:
            self._require_free_port(addresses)
            sync = self.extra_settings.get("fsync") != "off"
            cluster.create(self.data, account, programs, self.user, self.password, sync=sync)
        cluster.require_version(self.data, programs)
        content = config.render(addresses, self.port, programs.major, self.extra_settings)
        outcome = self._ensure_process(programs, account, content, addresses, timeout)
        self._wait_for_login(timeout)
        self._create_databases()
        return "made and started" if made else outcome

    def _ensure_process(
        self, programs: Programs, account: Account, content: str, addresses: tuple[str, ...], timeout: float
    ) -> Outcome:
        path = self.data / config.FILE_NAME
        ran = self.is_running()
        if ran and path.exists() and path.read_text(encoding="utf-8") == content:
            return "running already"
        # The file is written while no server runs: then it always says with what the running one was started.
        self.stop()
        self._require_free_port(addresses)
        write_private(path, content, account)
        postmaster.disown_foreign_pid(self.data, account)
        launch(programs, account, self.data, self.title, timeout)
        return "restarted" if ran else "started"

    def _require_free_port(self, addresses: tuple[str, ...]) -> None:
        for address in addresses:
            if is_taken(address, self.port):
                raise LocalServerError(
                    f"Port {self.port} on {address} is taken by another program, perhaps the local pair of another "
                    f"checkout; the server of {' and '.join(self.aliases)} needs it. Stop that program, "
                    f"or write a free port into {self.variables}."
                )

    def _wait_for_login(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.connect().close()
            except psycopg.OperationalError as error:
                reason = str(error).strip()
            if "password authentication failed" in reason:
                raise LocalServerError(
                    f"{self.title} runs, but refuses user {self.user!r} with the password in {self.variables}: its "
                    f"data in {self.data} was made with others. Put those back into {self.variables}, "
                    "or delete the data with: manage.py localdb reset."
                )
            if not self.is_running() or time.monotonic() > deadline:
                raise LocalServerError(f"{self.title} gives no login: {reason}.{log_tail(self.data)}")
            time.sleep(0.05)

    def _create_databases(self) -> None:
        with self.connect() as connection:
            there = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for name in self.databases:
                if name not in there:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
