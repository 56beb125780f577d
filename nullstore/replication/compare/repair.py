"""Mends the rows of the replica that a verification found to differ, and no others."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from nullstore.exceptions import ComparisonError
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.mend import delete_rows, write_rows
from nullstore.replication.compare.results import Tally, Verification
from nullstore.replication.compare.runs import finish, recorded
from nullstore.replication.compare.settle import Fence, Finding, Settled, settle
from nullstore.replication.compare.shape import TablePair
from nullstore.replication.compare.tables import table_pairs
from nullstore.replication.compare.verification import Progress, batches, fenced, quiet

#: Rows of one transaction. Writers of the source wait for it while it lasts: some milliseconds.
BATCH: Final = 1000
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.2


def repair(
    found: Verification,
    *,
    dry_run: bool = False,
    timeout: float = 10.0,
    requested_by: str | None = None,
    progress: Progress = quiet,
) -> Verification:
    """Make the rows that `found` names equal to their source rows, and compare them again.

    Returns the state of those rows afterwards, with the counts of what was mended in `repaired`; with `dry_run`
    nothing is written, and `repaired` is what would be. Rows that have become equal are not touched. Recorded in
    verification_runs as a run of its own. Raises ComparisonError, also where so many rows differ that a resync is the
    better way.
    """
    _refuse(found)
    started = time.monotonic()
    with recorded(requested_by, {"method": found.method, "repair_of": found.run, "dry_run": dry_run}) as run:
        tally, repaired = Tally(source_rows=found.source_rows), Counter[str]()
        keys = _by_table(found)
        with Ends(writable=not dry_run) as ends:
            for pair in table_pairs(ends):
                for batch in batches(keys[pair.name], BATCH):
                    settled = _mend(pair, ends, batch, fenced(timeout), repaired, dry_run=dry_run)
                    tally.add(settled.differences(pair.name))
                    progress(f"{pair.name}: {repaired.total():,} of {found.differing:,} rows mended")
        verification = tally.verification(
            method=found.method,
            waited=True,
            seconds=time.monotonic() - started,
            run=run.pk,
            not_compared=found.not_compared,
            repaired=_counts(repaired),
            dry_run=dry_run,
        )
        finish(run, verification)
    return verification


def _refuse(found: Verification) -> None:
    if not found.waited:
        raise ComparisonError(
            "Rows cannot be mended after a comparison as it stands: what differs may only be on its way. If the "
            "replica follows: manage.py replication verify --repair. If it does not: manage.py replication resync"
        )
    if found.differing + found.changing > len(found.differences):
        raise ComparisonError(
            f"{found.differing:,} rows differ: too many to be mended one by one. Run: manage.py replication resync"
        )


def _mend(
    pair: TablePair, ends: Ends, keys: Sequence[str], fence: Fence, repaired: Counter[str], *, dry_run: bool
) -> Settled:
    """Mend what still differs of these rows, in several attempts for those that are locked; return what is left."""
    settled = settle(pair, ends, keys, fence, lock=not dry_run)
    if dry_run:
        repaired.update(finding.difference.what for finding in settled.findings)
        return settled
    for attempt in range(_ATTEMPTS):
        if not settled.findings:
            break
        time.sleep(_PAUSE if attempt else 0)
        repaired.update(_write(pair, ends, settled.findings, fence))
        left = [finding.difference.id for finding in settled.findings]
        settled = settle(pair, ends, [*left, *settled.changing], fence, lock=True)
    return settled


def _write(pair: TablePair, ends: Ends, findings: Sequence[Finding], fence: Fence) -> Mapping[str, int]:
    extra = [finding for finding in findings if finding.difference.what == "extra"]
    others = [finding.difference.id for finding in findings if finding.difference.what != "extra"]
    return {
        **(write_rows(pair, ends, others, fence) if others else {}),
        **({"extra": delete_rows(pair, ends, extra, fence)} if extra else {}),
    }


def _by_table(found: Verification) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = defaultdict(list)
    for difference in found.differences:
        keys[difference.table].append(difference.id)
    return keys


def _counts(repaired: Counter[str]) -> dict[str, int]:
    return {what: repaired[what] for what in ("missing", "extra", "different")}
