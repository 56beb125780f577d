"""Faults at random under writers on both databases, for as long as one likes; see __main__.py."""

from benchmarks.measure import Outcome


def run(minutes: float, seed: int | None = None) -> Outcome:
    """Let a pair of its own go through faults for `minutes`, then count. A seed of None is drawn.

    A fault that is not recovered from is a failure of the outcome. Raises what kept the pair from being set up.
    """
    from benchmarks.soak.findings import Findings
    from benchmarks.soak.setup import django_is_set_up

    django_is_set_up()
    from benchmarks.soak.loop import soak

    findings = Findings.of(minutes, seed)
    soak(findings)
    return findings.outcome()
