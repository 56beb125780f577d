"""Several pairs on the same servers: staging beside production, test databases, both databases on one server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connections

from tests.faults.clusters import FaultPair, in_django
from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.scenarios import subject
from tests.integration.replicas import add_user, assert_replicated

scenario = subject(__name__, "Several pairs on the same servers")
ROLE, PASSWORD = "staging_replicator", "of-staging"


class Neighbour:
    """Another pair: databases of its own, on the server of the alias or on another one, with settings of its own."""

    def __init__(self, pair: FaultPair, databases: dict[str, str], servers: dict[str, str]) -> None:
        self.pair = pair
        self.databases = databases
        self.servers = servers
        for alias, name in databases.items():
            with pair.server(servers[alias]).connect() as connection:
                connection.execute(f"CREATE DATABASE {name}")

    @contextmanager
    def environment(self, **variables: str) -> Iterator[None]:
        """Have Django's aliases and settings mean this pair for as long as the block lasts."""
        with pytest.MonkeyPatch.context() as patch, in_django(self.pair, patch):
            for alias, name in self.databases.items():
                patch.setitem(connections[alias].settings_dict, "NAME", name)
                patch.setitem(connections[alias].settings_dict, "PORT", self.pair.server(self.servers[alias]).port)
            for variable, value in variables.items():
                patch.setattr(settings, variable, value)
            yield
            connections.close_all()
        connections.close_all()


@pytest.fixture
def staging(clean_pair: FaultPair) -> Neighbour:
    """Databases of another pair on the same two servers."""
    return Neighbour(
        clean_pair, {"erebus": "staging_erebus", "agents": "staging_agents"}, {"erebus": "erebus", "agents": "agents"}
    )


def all_slots(fault: Fault) -> dict[str, str]:
    """The slots of the server by their database."""
    with fault.connect() as connection:
        return dict(connection.execute("SELECT database, slot_name FROM pg_replication_slots").fetchall())


def well(rows: int) -> None:
    """The pair that the aliases mean has these rows, equal on both sides, and status has nothing to say."""
    add_user(f"of this pair, {rows}")
    assert_replicated(rows + 1)
    outcome = manage("replication status --json")
    assert (outcome.json["problems"], outcome.code) == ([], 0)


def back_to_nothing() -> None:
    """Reverse all that the migrations do for replication."""
    for target in ("agents_app 0004", "erebus_app 0002"):
        outcome = manage(f"migrate {target} --verbosity 0")
        assert outcome.code == 0, outcome.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "own_role",
    [
        pytest.param(
            {"REPLICATION_ROLE": ROLE, "REPLICATION_PASSWORD": PASSWORD},
            marks=scenario(
                "a second pair, with a role of its own",
                injected="databases beside on the same two servers: migrated, used, and all of it reversed",
            ),
            id="own-role",
        ),
        pytest.param(
            {},
            marks=scenario(
                "a second pair, with the same role",
                injected="the same with the same role and password, as test databases have it",
            ),
            id="same-role",
        ),
    ],
)
def test_two_pairs_on_the_same_servers(fault: Fault, staging: Neighbour, own_role: dict[str, str]) -> None:
    with fault.writing() as journal:
        with staging.environment(**own_role):
            fault.manage("migrate --verbosity 0")
            well(0)
        found = all_slots(fault)
        assert set(found) == {"erebus", "staging_erebus"}
        assert len(set(found.values())) == 2
        fault.is_well()
        with staging.environment(**own_role):
            back_to_nothing()
        assert set(all_slots(fault)) == {"erebus"}
        # Now it has to log in again.
        SQL["erebus"].run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        fault.ends()
        fault.equal(journal)
    roles = SQL["erebus"].rows("SELECT rolname FROM pg_roles WHERE rolreplication AND NOT rolsuper")
    assert roles == [("nullblock_replicator",)]


@scenario(
    "a second pair that would take over the role",
    injected="another pair on the same servers is migrated with the same role and another password",
)
def test_a_role_in_use_keeps_its_password(fault: Fault, staging: Neighbour) -> None:
    with staging.environment(REPLICATION_PASSWORD=PASSWORD):
        outcome = manage("migrate --verbosity 0")
        assert outcome.code == 2
        assert "Set REPLICATION_PASSWORD to that password, or REPLICATION_ROLE to a name of its own" in outcome.err
    SQL["erebus"].run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
    fault.ends()
    fault.equal()


@pytest.mark.slow
@scenario(
    "both databases of a pair on one server",
    injected="a second pair with both of its databases on the server of erebus: migrated, used, made anew, reversed",
)
def test_both_databases_on_one_server(fault: Fault) -> None:
    one = Neighbour(
        fault.pair, {"erebus": "one_erebus", "agents": "one_agents"}, {"erebus": "erebus", "agents": "erebus"}
    )
    with fault.writing() as journal:
        with one.environment():
            fault.manage("migrate --verbosity 0")
            well(0)
            fault.manage("replication resync --anew --no-input")
            well(1)
        fault.is_well()
        with one.environment():
            back_to_nothing()
        assert set(all_slots(fault)) == {"erebus"}
        fault.ends()
        fault.equal(journal)


@pytest.mark.slow
@scenario(
    "more subscriptions than workers",
    injected="max_logical_replication_workers = 1 on the server of agents, and the other pair has that one",
    verdict="broken",
    codes=("worker_not_running",),
    mend="agents: ALTER SYSTEM SET max_logical_replication_workers = 2; then restart its server",
)
def test_all_workers_are_taken(fault: Fault, staging: Neighbour) -> None:
    with staging.environment():
        fault.manage("migrate --verbosity 0")
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync DISABLE")
    SQL["agents"].run("ALTER SYSTEM SET max_logical_replication_workers = 1")
    fault.pair.restart("agents")
    with staging.environment():
        well(0)
    SQL["agents"].run("ALTER SUBSCRIPTION agents_user_sync ENABLE")
    add_user("waits for a worker")
    fault.says(fault.shows()["worker_not_running"])
    SQL["agents"].run("ALTER SYSTEM SET max_logical_replication_workers = 2")
    fault.ends()
    fault.pair.restart("agents")
    fault.equal()
    with staging.environment():
        well(1)
