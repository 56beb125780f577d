"""python -m benchmarks.soak: faults at random under writers on both databases; nothing may be lost or doubled.

Starts a PostgreSQL pair of its own. Faults are drawn from docs/reference/faults.md, every kind once before one comes
again, mended as `replication status` says, and verified while the writers go on. Ends with 1 if rows are lost or
doubled, if the replica is not equal or not well within a minute, and with 2 if the soak could not run.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.measure import Outcome
from benchmarks.soak.findings import Findings, brief
from benchmarks.soak.setup import django_is_set_up


def main(words: Sequence[str] | None = None) -> int:
    options = _arguments(words)
    findings = Findings.of(options.minutes, options.seed)
    print(f"seed {findings.seed}", file=sys.stderr)
    try:
        django_is_set_up()
        from benchmarks.soak.loop import soak

        soak(findings, verbose=options.verbose)
    except KeyboardInterrupt:
        _show(findings.outcome(), as_json=options.json)
        return 130
    except Exception as error:  # a pair that cannot be set up is told like a wrong option
        if not findings.major:
            print(f"the soak could not run: {brief(error)}", file=sys.stderr)
            return 2
        findings.failures.append(brief(error))
    outcome = findings.outcome()
    _show(outcome, as_json=options.json)
    return 0 if all(ratio.is_within for ratio in outcome.ratios) else 1


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, required=True, help="how long; one fault is injected at least")
    parser.add_argument("--seed", type=int, help="that of an earlier run, for the same faults in the same order")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--verbose", action="store_true", help="a line on stderr for each fault")
    return parser.parse_args(words)


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(outcome)), flush=True)
        return
    from benchmarks.report.text import of_outcome

    print(of_outcome("soak", outcome), flush=True)


if __name__ == "__main__":
    sys.exit(main())
