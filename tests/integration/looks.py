"""What the tests of `replication status` share: a look, and doing what it says."""

from io import StringIO

from django.core.management import call_command
from django.db import connections

from nullstore.databases import AGENTS
from nullstore.replication.connect import connect
from nullstore.replication.health import Health, Problem, health
from tests.integration.replicas import slots, wait_for, wait_until_replicated

RESYNC = "manage.py replication resync"


def codes(found: Health) -> list[str]:
    return [problem.code for problem in found.problems]


def look(timeout: float = 0.3) -> Health:
    return health(timeout)


def only_problem(code: str, timeout: float = 0.3) -> Problem:
    """Look; there is this problem and no other."""
    found = look(timeout)
    assert codes(found) == [code], found.problems
    return found.problems[0]


def look_for(code: str, timeout: float = 0.3) -> Health:
    """Look until there is this problem, whatever else there may be."""
    found: list[Health] = []

    def there() -> bool:
        found[:] = [look(timeout)]
        return code in codes(found[0])

    wait_for(there)
    return found[0]


def problem_among(code: str, timeout: float = 0.3) -> Problem:
    return next(problem for problem in look_for(code, timeout).problems if problem.code == code)


def do(problem: Problem) -> None:
    """Do exactly what `fix` says."""
    for step in problem.fix.split("; then "):
        _do(step)


def _do(step: str) -> None:
    alias, _, statement = step.partition(": ")
    if alias in connections:
        with connect(alias) as connection:
            connection.execute(statement)
    else:
        assert step.startswith("manage.py ")
        call_command(*step.removeprefix("manage.py ").split(), *_unasked(step), verbosity=0, stdout=StringIO())


def _unasked(step: str) -> list[str]:
    return ["--no-input"] if {"resync", "drop-slot"} & set(step.split()) else []


def assert_ok() -> None:
    """Replication has caught up, and there is no problem left."""
    wait_until_replicated(30)
    found = look(5)
    assert (found.verdict, codes(found)) == ("ok", []), found.problems


def on(alias: str, *statements: str) -> None:
    with connect(alias) as connection:
        for statement in statements:
            connection.execute(statement)


def disable() -> None:
    on(AGENTS, "ALTER SUBSCRIPTION agents_user_sync DISABLE")
    wait_for(lambda: not any(active for _, active in slots()))


def enable() -> None:
    on(AGENTS, "ALTER SUBSCRIPTION agents_user_sync ENABLE")
