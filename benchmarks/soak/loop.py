"""The soak itself: one fault after another, and a verification after each."""

import random
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache

from tqdm import tqdm

from benchmarks.soak import kinds
from benchmarks.soak.count import count
from benchmarks.soak.findings import Findings, brief
from benchmarks.soak.interrupts import Interrupts, interrupts
from benchmarks.soak.scene import Scene, scene
from benchmarks.soak.special import OWN
from tests.faults.byhand import orphans
from tests.faults.console import manage
from tests.faults.faults import SQL, TIMEOUT, Fault
from tests.faults.report import all_scenarios
from tests.faults.scenarios import Scenario


def soak(findings: Findings, *, verbose: bool = False) -> None:
    """Inject faults for the minutes of `findings`, one at least, and put there what comes of it.

    Ends with the first fault that is not recovered from, or with a KeyboardInterrupt before anything was counted.
    Raises what kept the pair from being set up.
    """
    rng = random.Random(findings.seed)
    with interrupts() as interrupted, scene(rng) as place:
        findings.major = place.pair.pair.programs.major
        try:
            _go_through(place, findings, drawn(rng, kinds.KINDS), interrupted, verbose=verbose)
        finally:
            findings.commits = place.commits
        count(place, findings)


def drawn(rng: random.Random, names: Iterable[str]) -> Iterator[str]:
    """Yield the names in random order, each of them before one comes again, without end."""
    deck = list(names)
    while True:
        rng.shuffle(deck)
        yield from deck


def _go_through(
    place: Scene, findings: Findings, names: Iterator[str], interrupted: Interrupts, *, verbose: bool
) -> None:
    started = time.monotonic()
    total = findings.minutes * 60
    with tqdm(total=round(total), unit="s", disable=None) as bar:
        while not findings.failures and (time.monotonic() - started < total or not findings.faults):
            name = next(names)
            bar.set_description(name)
            try:
                findings.recovered(name, recovery(place, name))
            except Exception as error:  # whatever it is: the soak says in which fault, and counts
                interrupted.check()
                findings.failures.append(_told(findings, name, error))
                print(place.pair.said(), file=sys.stderr)
            if verbose:
                bar.write(_line(findings, name), file=sys.stderr)
            interrupted.check()
            bar.update(min(round(time.monotonic() - started), bar.total) - bar.n)


def recovery(place: Scene, name: str) -> float:
    """Inject and mend a fault; return how long it took until both copies were verified equal, in seconds."""
    fault = Fault(_scenarios()[name], place.pair)
    kinds.KINDS[name](fault, place)
    seconds = fault.well_again()
    assert seconds <= TIMEOUT, f"recovered after {seconds:.0f} s only"
    place.goes_on()
    assert orphans() == 0
    _tidy()
    return seconds


@cache
def _scenarios() -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in (*all_scenarios(), *OWN)}


def _tidy() -> None:
    """Delete what the fault wrote beside the writers."""
    SQL["agents"].run("DELETE FROM tasks WHERE name NOT LIKE 'writer-%'")
    SQL["erebus"].run(
        "DELETE FROM user_references WHERE NOT (source_identifier LIKE 'writer-%' OR source_identifier LIKE 'user-%')"
    )


def _told(findings: Findings, name: str, error: Exception) -> str:
    try:
        status = manage("replication status --json").json
        said = f"{status['verdict']}, {[problem['code'] for problem in status['problems']]}"
    except Exception as unknown:  # what is being told is another failure
        said = f"nothing: {unknown!r}"
    return f"{name} (fault {findings.faults + 1}, seed {findings.seed}): {brief(error)}; status says {said}"


def _line(findings: Findings, name: str) -> str:
    seconds = findings.recoveries.get(name, [0.0])[-1]
    return findings.failures[-1] if findings.failures else f"{findings.faults:>5}  {name:<56}{seconds:>7.2f} s"
