"""python -m benchmarks.admin: every page of the admin, timed beside those of a stock ModelAdmin on the same data.

Starts a PostgreSQL pair of its own and fills it; with --here it fills the empty pair that EREBUS_DATABASE_URL and
AGENTS_DATABASE_URL name, with --filled it takes the rows that are there. Ends with 1 if a page is beyond the bound.
"""

import argparse
import os
import sys


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.admin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, rows in (("users", 2_000), ("tasks", 5_000), ("engrams", 2_000)):
        parser.add_argument(f"--{name}", type=int, default=rows, help=f"how many rows (default: {rows:,})")
    parser.add_argument("--here", action="store_true", help="fill and measure the pair that the environment names")
    parser.add_argument("--filled", action="store_true", help="measure that pair as it is, if it has so many rows")
    parser.add_argument("--runs", type=int, default=20, help="visits of each page that count (default: 20)")
    parser.add_argument("--warm", type=int, default=2, help="visits before those (default: 2)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of such visits for a page beyond the bound; the best counts"
    )
    parser.add_argument("--stock-runs", type=int, default=3, help="visits of each stock page; 0: none (default: 3)")
    parser.add_argument("--bound", type=float, default=100, help="milliseconds, for the 95th percentile (default: 100)")
    parser.add_argument("--only", default="", metavar="WORD", help="only areas with this in their names, such as Task")
    parser.add_argument("--pages", default="", metavar="WORD", help="only pages with this in their titles or addresses")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--markdown", action="store_true", help="print a line for each kind of page")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    if not (options.here or options.filled):
        # Makes the environment of a pair of its own, and takes what comes from outside away.
        import tests.servers  # noqa: F401
    # Connections that stay open, as a server in production has them.
    os.environ.setdefault("DATABASE_POOL_SIZE", "2")
    from benchmarks.admin.pair import prepared

    sizes = {name: getattr(options, name) for name in ("users", "tasks", "engrams")}
    with prepared(sizes, here=options.here, filled=options.filled):
        from benchmarks.admin import report
        from benchmarks.admin.walk import walk

        print_all = report.as_json if options.json else report.as_markdown if options.markdown else report.as_text
        results = print_all(walk(options))
    beyond = [result for result in results if not result.is_within(options.bound)]
    for result in beyond:
        why = result.ours.failure or f"{result.ours.p95:.0f} ms"
        print(f"beyond {options.bound:g} ms: {result.page.title}: {why} {result.page.address}", file=sys.stderr)
    further = sum(result.rounds > 1 for result in results)
    print(
        f"{len(results)} pages, {len(beyond)} beyond {options.bound:g} ms at the 95th percentile; "
        f"{further} were measured more than once",
        file=sys.stderr,
    )
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
