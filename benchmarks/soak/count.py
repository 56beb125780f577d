"""What is there once the writers have stopped, beside what they know to be there."""

from benchmarks.soak.findings import Findings, brief
from benchmarks.soak.scene import Scene
from nullstore.replication.fence import wait_until_replicated
from tests.faults.console import manage
from tests.faults.faults import SQL, TIMEOUT, doubled
from tests.faults.writers import TASKS, USERS, Account, Journal

_CONTENT = "SELECT id, to_jsonb(u)::text FROM user_references AS u"


def count(place: Scene, findings: Findings) -> None:
    """Stop the writers, and count what is lost, doubled or different, whatever has failed before."""
    for journal in (place.users, place.tasks):
        _stop(journal, findings)
    findings.commits = place.commits
    for what, act in (("at the end", _settle), ("rows could not be counted", _count_rows)):
        try:
            act(place, findings)
        except Exception as error:  # what is left to do is done all the same
            findings.failures.append(f"{what} (seed {findings.seed}): {brief(error)}")


def _count_rows(place: Scene, findings: Findings) -> None:
    users, tasks = _account(place, "erebus"), _account(place, "agents")
    twice = [f"user {key} was applied twice" for (key,) in doubled()]
    findings.lost = users.lost + tasks.lost
    findings.doubled = users.beyond + tasks.beyond + twice
    findings.differing = _differing()


def _stop(journal: Journal, findings: Findings) -> None:
    try:
        journal.stop()
    except Exception as error:  # what its writers were told is known, whatever ended one of them
        findings.failures.append(f"a writer ended (seed {findings.seed}): {brief(error)}")
    for writer in journal.writers:
        writer.failure = None


def _settle(place: Scene, _: Findings) -> None:
    """Have the replica follow to the end, and compare it as a user would."""
    place.wire.heal()
    gone = [alias for alias in ("erebus", "agents") if not place.pair.server(alias).is_running()]
    place.pair.start(*gone)
    wait_until_replicated(TIMEOUT)
    outcome = manage("replication verify --json")
    assert outcome.code == 0, f"verify: {outcome.out}{outcome.err}"


def _account(place: Scene, alias: str) -> Account:
    journal, query = {"erebus": (place.users, USERS), "agents": (place.tasks, TASKS)}[alias]
    with place.pair.server(alias).connect(alias) as session:
        return journal.account(session, query)


def _differing() -> list[str]:
    """The users that the replica does not have as the source has them; not by the product's own comparison."""
    source, replica = dict(SQL["erebus"].rows(_CONTENT)), dict(SQL["agents"].rows(_CONTENT))
    return [
        f"user {key}: {_how(source.get(key), replica.get(key))}"
        for key in sorted(source.keys() | replica.keys())
        if source.get(key) != replica.get(key)
    ]


def _how(source: str | None, replica: str | None) -> str:
    return "missing in the replica" if replica is None else "extra in the replica" if source is None else "different"
