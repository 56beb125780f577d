"""What every test of backup and restore begins with."""

from contextlib import closing

import pytest
from django.db import connections

from nullstore.databases import ALIASES
from nullstore.replication.connect import connect


@pytest.fixture(autouse=True)
def nobody_else(committed_pair: None) -> None:
    """No session that an earlier test of this process has left in a thread: a restore refuses a database in use."""
    connections.close_all()
    for alias in ALIASES:
        with closing(connect(alias, dbname="postgres")) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND backend_type = 'client backend'",
                [connections[alias].settings_dict["NAME"]],
            )
