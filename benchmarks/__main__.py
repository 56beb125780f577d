"""python -m benchmarks: all that the project says about speed, measured beside what stands for it.

Starts PostgreSQL pairs of its own. Prints tables (or JSON), keeps the results in benchmarks/results/, and writes
docs/reference/performance.md from them. Ends with 1 if something is beyond its bound, with 2 if something failed.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.measure import Outcome
from benchmarks.report import page, results, text
from benchmarks.suites import APART, FULL, GROWING, NAMES, SMALL, Run, Size, apart, growing, once


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the sizes of docs/reference/performance.md; about an hour")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}; may be repeated"
    )
    parser.add_argument(
        "--rows", type=int, action="append", metavar="N", help="only at this number of users, of those of the size"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--no-write", action="store_true", help="leave results and page as they are")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    size = FULL if options.full else SMALL
    if options.rows:
        size = replace(size, rows=tuple(rows for rows in size.rows if rows in options.rows))
    wanted = options.only or list(NAMES)
    found: dict[str, list[Outcome]] = {}
    broken: list[str] = []
    started = time.monotonic()
    for name, outcome in measured(size, wanted, broken):
        found.setdefault(name, []).append(outcome)
        if not options.no_write:
            results.keep(size.name, name, found[name])
        if not options.json:
            print(text.of_outcome(name, outcome), flush=True)
    if not options.no_write:
        page.write()
    if options.json:
        print(results.as_json(found))
    else:
        print(text.of_growth(found))
    print(f"{time.monotonic() - started:,.0f} s", file=sys.stderr)
    beyond = list(results.beyond(found))
    for sentence in beyond:
        print(f"beyond its bound: {sentence}", file=sys.stderr)
    for name in broken:
        print(f"failed: {name}", file=sys.stderr)
    return 2 if broken else 1 if beyond else 0


def measured(size: Size, wanted: list[str], broken: list[str]) -> Iterator[tuple[str, Outcome]]:
    """Yield what each benchmark of `wanted` has found, as soon as it has; one that fails goes into `broken`."""
    if set(wanted) - set(APART):
        yield from _on_the_pair(size, wanted, broken)
    yield from _run(apart(size), wanted, broken)


def _on_the_pair(size: Size, wanted: list[str], broken: list[str]) -> Iterator[tuple[str, Outcome]]:
    from benchmarks.pair import measured_pair

    with measured_pair():
        yield from _run(once(size), wanted, broken)
        if set(wanted) & set(GROWING):
            from benchmarks.rows import grow

            for rows in size.rows:
                print(f"{rows:,} users, tasks and engrams are being written", file=sys.stderr)
                grow(rows)
                yield from _run(growing(size, rows), wanted, broken)


def _run(suites: Iterator[tuple[str, Run]], wanted: list[str], broken: list[str]) -> Iterator[tuple[str, Outcome]]:
    for name, run in suites:
        if name not in wanted:
            continue
        started = time.monotonic()
        try:
            outcome = run()
        except Exception:  # an hour of the others is not to be lost
            traceback.print_exc()
            broken.append(name)
            continue
        print(f"{name}: {time.monotonic() - started:,.0f} s", file=sys.stderr)
        yield name, outcome


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    sys.exit(main())
