"""What every scenario does: look at status, mend by what status prints, and prove that nothing is lost or doubled."""

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, connections

from nullstore.exceptions import DatabaseUnavailable, ReplicationError, ReplicationTimeout
from nullstore.replication.fence import wait_until_replicated
from tests.faults.clusters import FaultPair
from tests.faults.console import Outcome, manage
from tests.faults.scenarios import HEALS, Scenario
from tests.faults.writers import Journal, Writer, writing
from tests.integration.baresql import BareSQL
from tests.integration.replicas import copies

#: Seconds that any scenario may take to come to where it is to come.
TIMEOUT = 60.0
SQL = {alias: BareSQL(alias) for alias in ("erebus", "agents")}


class Fault:
    """A scenario while it runs."""

    def __init__(self, scenario: Scenario, pair: FaultPair) -> None:
        self.scenario = scenario
        self.pair = pair
        self.major = pair.pair.programs.major
        self.seconds: float | None = None
        self.seen: list[dict[str, Any]] = []
        self._ended: float | None = None

    def manage(self, command: str) -> Outcome:
        """Run a command of manage.py that has to succeed."""
        outcome = manage(command)
        assert outcome.code == 0, f"{command}: {outcome.err}{outcome.out}"
        return outcome

    def left_as_it_was(self) -> None:
        """Nothing but users and tasks is other than before: the next test may go on with these servers."""
        self.pair.dirty = False

    def connect(self, alias: str = "erebus") -> psycopg.Connection:
        """A session beside Django's."""
        return self.pair.server(alias).connect(alias)

    @contextmanager
    def writing(self, writers: int = 2) -> Iterator[Journal]:
        with writing(*(Writer(self.connect, f"writer-{number}") for number in range(writers))) as journal:
            yield journal

    def status(self) -> dict[str, Any]:
        """What `manage.py replication status --json` says; its exit code agrees with the verdict."""
        outcome = manage("replication status --json")
        found: dict[str, Any] = outcome.json
        assert outcome.code == {"ok": 0, "syncing": 1, "lagging": 1, "broken": 2}[found["verdict"]]
        self.seen.append(found)
        return found

    def shows(self) -> dict[str, dict[str, Any]]:
        """Wait until status says what the scenario declares; return its problems by code."""
        wanted = set(self.scenario.codes_of(self.major))
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = self.status()
            problems = {problem["code"]: problem for problem in found["problems"]}
            if wanted <= set(problems) and found["verdict"] == self.scenario.verdict:
                return problems
            assert time.monotonic() < deadline, f"status says {found['verdict']}: {found['problems']}"
            time.sleep(0.05)

    def ends(self) -> None:
        """The fault is over, or its mending begins: the time counts from here. The first call decides."""
        if self._ended is None:
            self._ended = time.monotonic()

    def says(self, problem: dict[str, Any]) -> None:
        """Insist that what status printed as the fix is what the scenario declares."""
        assert generic(problem["fix"]) == self.scenario.mend, f"{problem['code']}: {problem['fix']}"

    def mend(self, problem: dict[str, Any]) -> None:
        """Do exactly what status printed as the fix, and insist that it is what the scenario declares."""
        self.says(problem)
        self.ends()
        self.run(problem["fix"])

    def run(self, fix: str) -> None:
        """Run a fix: commands of manage.py, and SQL that begins with where to run it: `agents: ALTER ...`."""
        for step in fix.split("; then "):
            if step.startswith("manage.py "):
                self.manage(f"{step.removeprefix('manage.py ')}{_without_a_question(step)}")
                continue
            place, _, statement = step.partition(": ")
            with self.connect(place) as connection:
                connection.execute(statement)

    def differs(self) -> dict[str, Any]:
        """Status has nothing to say, and verify finds that the contents differ; return what it found."""
        self.shows()
        outcome = manage("replication verify --json")
        assert outcome.code == 1, outcome.out + outcome.err
        found: dict[str, Any] = outcome.json
        assert found["equal"] is False
        return found

    def repair(self) -> None:
        """Mend rows, and only those that differ."""
        self.ends()
        assert self.scenario.mend == "manage.py replication verify --repair"
        self.manage("replication verify --repair --no-input")

    def equal(self, journal: Journal | None = None) -> None:
        """Wait until the replica has everything, then compare all of it, the journal and what was applied."""
        assert self._ended is not None
        self._arrived()
        if journal is not None:
            journal.wait_for_commits(5)
            journal.stop()
            self._arrived()
        same = differences() == []
        self.seconds = time.monotonic() - self._ended
        assert same, differences()
        assert doubled() == []
        if journal is not None:
            with self.connect() as connection:
                journal.check(connection)
        self.is_well()

    def well_again(self) -> float:
        """Wait until the replica follows, status says ok and verify says equal, whoever writes; nothing is doubled.

        Returns the seconds since the fault ended.
        """
        assert self._ended is not None
        self._arrived()
        self.is_well()
        self.seconds = time.monotonic() - self._ended
        assert doubled() == []
        return self.seconds

    def is_well(self) -> None:
        """Status comes to say ok, and verify says equal."""
        deadline = time.monotonic() + TIMEOUT
        while (found := self.status())["verdict"] != "ok":
            assert time.monotonic() < deadline, f"status says {found['verdict']}: {found['problems']}"
            time.sleep(0.05)
        outcome = manage("replication verify --json")
        assert outcome.code == 0, outcome.out + outcome.err
        assert outcome.json["equal"] is True

    def _arrived(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                wait_until_replicated(timeout=max(0.1, deadline - time.monotonic()))
                return
            except (DatabaseError, InterfaceError, DatabaseUnavailable) as error:
                reason: Exception = error
            except (ReplicationError, ReplicationTimeout) as error:
                reason = error
            connections.close_all()
            assert time.monotonic() < deadline, f"not well after {TIMEOUT:g} s: {reason}"
            time.sleep(0.02)


def differences() -> list[Any]:
    """The rows that are not the same, to the last column, in both databases; at most 20 of them."""
    total = "SELECT count(*), md5(string_agg(to_jsonb(u)::text, '' ORDER BY id)) FROM user_references AS u"
    if SQL["erebus"].rows(total) == SQL["agents"].rows(total):
        return []
    source, replica = copies()
    return sorted(set(source) ^ set(replica))[:20]


def doubled() -> list[Any]:
    """The users that replication inserted more often than it deleted them before, by a trigger's own record."""
    return SQL["agents"].rows(
        "SELECT user_id FROM applied GROUP BY user_id "
        "HAVING count(*) FILTER (WHERE what = 'INSERT') - count(*) FILTER (WHERE what = 'DELETE') > 1"
    )


def generic(fix: str) -> str:
    """The fix without what differs from run to run: pids, ids of rows, and the digits in a slot's name."""
    fix = re.sub(r"(agents_user_sync_)[0-9a-f]{8}", r"\1...", fix)
    fix = re.sub(r"'[0-9a-f]{8}-[-0-9a-f]{27}'", "'...'", fix)
    return re.sub(r"backend\(\d+\)", "backend(PID)", fix)


def _without_a_question(fix: str) -> str:
    asks = {"resync", "skip", "drop-slot", "disable", "--repair"} & set(shlex.split(fix))
    return " --no-input" if asks and "--no-input" not in fix else ""


__all__ = ["HEALS", "SQL", "TIMEOUT", "Fault", "doubled", "generic"]
