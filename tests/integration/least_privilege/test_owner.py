"""An owner that is no superuser sets the pair up, with the statements of docs/howto/database-roles.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nullstore.localdb.server import LocalServer
from tests.integration.test_commands import run
from tests.servers import Pair

pytestmark = pytest.mark.slow

PLACES = {"erebus": "least_erebus", "agents": "least_agents"}
OWNER, WEB, REPLICATOR = "least_migrator", "least_web", "least_replicator"
EXTRA = {
    "erebus": "GRANT EXECUTE ON FUNCTION pg_ls_waldir(), pg_ls_replslotdir(text) TO {} WITH GRANT OPTION",
    "agents": "GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean) TO {} WITH GRANT OPTION",
}


@pytest.fixture
def owned(pair: Pair, committed_pair: None) -> Iterator[dict[str, str]]:
    """Empty databases of an owner with the least rights; the environment that names it, and the web process's role."""
    if pair.programs.major < 16:
        pytest.skip("before PostgreSQL 16 only superusers make subscriptions")
    environment = {}
    for server in (pair.erebus, pair.agents):
        [alias] = server.aliases
        name = PLACES[alias]
        with server.connect() as connection:
            power = "REPLICATION" if alias == "erebus" else ""
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE {power} PASSWORD 'm'")
            if alias == "agents":
                connection.execute(f"GRANT pg_create_subscription TO {OWNER}")
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        with server.connect(name) as connection:
            connection.execute(EXTRA[alias].format(OWNER))
        environment[f"{alias.upper()}_OWNER_URL"] = f"postgres://{OWNER}:m@127.0.0.1:{server.port}/{name}"
        environment[f"{alias.upper()}_DATABASE_URL"] = f"postgres://{WEB}:w@127.0.0.1:{server.port}/{name}"
    environment |= {"REPLICATION_ROLE": REPLICATOR}
    try:
        yield environment
    finally:
        gone = run("migrate", "agents_app", "zero", **environment)
        for server in (pair.agents, pair.erebus):
            clear(server)
    assert gone.returncode == 0, gone.stderr


def clear(server: LocalServer) -> None:
    """Leave nothing of this test on the server, roles included."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {PLACES[server.aliases[0]]} WITH (FORCE)")
        for role in (WEB, REPLICATOR, OWNER):
            connection.execute(f"DROP ROLE IF EXISTS {role}")
        left = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'least\\_%'").fetchall()
        assert left == []


def test_an_owner_without_superuser_does_everything_but_restore(owned: dict[str, str], tmp_path: Path) -> None:
    steps = (
        ("migrate",),
        ("ensure_runtime_role", "--dry-run"),
        ("replication", "wait", "--timeout=30"),
        ("replication", "ping", "--timeout=30"),
        ("replication", "status"),
        ("replication", "resync", "--no-input"),
        ("replication", "ping", "--timeout=30"),
        ("ensure_groups",),
        ("sample_data", "--users=3", "--tasks=3", "--engrams=3"),
        ("backup", str(tmp_path / "saved")),
    )
    for step in steps:
        done = run(*step, **owned)
        assert done.returncode == 0, (step, done.stdout, done.stderr)
    refused = run("restore", str(tmp_path / "saved"), "--no-input", **owned)
    assert refused.returncode == 2
    assert f"{OWNER} may not restore" in refused.stderr
    assert "Set AGENTS_OWNER_URL" in refused.stderr or "Set EREBUS_OWNER_URL" in refused.stderr
