"""manage.py rotate_keys: re-encrypt the stored secrets under the first key of FIELD_ENCRYPTION_KEYS."""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from erebus_app.services.secrets import BATCH_SIZE, ProblemRows, Rotation, rotate
from nullstore.management.base import CleanErrors

_UNFINISHED = {
    1: "{to_do:,} rows are not under the first key. Run manage.py rotate_keys{again}.",
    2: (
        "{unreadable:,} rows cannot be decrypted. Put the missing keys back and run again, or enter their secrets anew "
        "(an authenticator app is removed, and set up again)."
    ),
}


class Command(CleanErrors):
    """Exit code 0: all rows are under the first key. 1: some are not yet. 2: some cannot be decrypted."""

    help = (
        "Re-encrypt every stored secret that is not under the first key of FIELD_ENCRYPTION_KEYS, while others write, "
        "and say which keys may go. Can be interrupted at any time and run again. "
        "Exit code 0: all are under the first key; 1: some are not yet; 2: some cannot be decrypted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Decrypt and count only; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")
        parser.add_argument("--batch-size", type=_positive, default=BATCH_SIZE, help=f"Rows at a time ({BATCH_SIZE}).")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run: bool = options["dry_run"]
        with tqdm(desc="rotate_keys", unit=" rows", disable=None, leave=False) as bar:
            report = rotate(batch_size=options["batch_size"], dry_run=dry_run, progress=partial(_show, bar))
        lines = [_as_json(report, dry_run)] if options["json"] else _as_text(report, dry_run)
        for line in lines:
            self.stdout.write(line)
        if report.exit_code:
            message = _UNFINISHED[report.exit_code].format(
                to_do=report.to_do, unreadable=report.unreadable.count, again="" if dry_run else " again"
            )
            raise CommandError(message, returncode=report.exit_code)


def _show(bar: "tqdm[NoReturn]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError("not a number of rows, 1 or more")
    return int(text)


def _as_json(report: Rotation, dry_run: bool) -> str:
    derived = {"to_do": report.to_do, "unused": report.unused, "missing": report.missing}
    return json.dumps({"dry_run": dry_run, **asdict(report), **derived}, indent=2)


def _as_text(report: Rotation, dry_run: bool) -> Iterator[str]:
    yield f"First key: {report.key_id}"
    yield f"{'key id':<34}{'rows before':>14}{'rows after':>14}"
    for key_id in sorted({*report.before, *report.after}):
        before, after = report.before.get(key_id, 0), report.after.get(key_id, 0)
        yield f"{key_id or '(none)':<34}{before:>14,}{after:>14,}"
    yield "Dry run: nothing was written." if dry_run else f"{report.rotated:,} rows re-encrypted."
    for key_id in report.missing:
        yield f"FIELD_ENCRYPTION_KEYS has no key {key_id}, which rows use."
    yield from _problems("Cannot be decrypted, left as they are", report.unreadable)
    yield from _problems("Not yet re-encrypted", report.busy)
    for key_id in report.unused:
        yield (
            f"No row uses {key_id}. If it is an old key, it may go from FIELD_ENCRYPTION_KEYS now, provided that every "
            "process has been restarted since it was the first. Keep it with the backups made until now: they need it."
        )


def _problems(title: str, rows: ProblemRows) -> Iterator[str]:
    if rows.count:
        yield f"{title}: {rows.count:,}"
        yield from (f"  {row.message}" for row in rows.named)
    if rows.count > len(rows.named):
        yield f"  and {rows.count - len(rows.named):,} more"
