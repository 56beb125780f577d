"""manage.py sample_data: believable rows for both databases."""

import json
import secrets
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, NoReturn

from django.core.management.base import CommandParser
from tqdm import tqdm

from nullstore.management.owner import OwnerCommand
from nullstore.sampledata.loading import Report, Sample, has_users, write_sample


class Command(OwnerCommand):
    help = (
        "Writes believable users, wallets, sessions, marketplace listings and API keys to erebus, and agents, tasks "
        "and engrams to agents. Adds to what is there. Interrupted, it leaves nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, default in (("users", 200), ("tasks", 500), ("engrams", 300)):
            parser.add_argument(f"--{name}", type=_count, default=default, help=f"How many (default: {default}).")
        parser.add_argument(
            "--seed", type=_count, help="Makes the rows of an earlier run again, on an empty pair (default: a new one)."
        )
        parser.add_argument("--if-empty", action="store_true", help="Do nothing if erebus has users.")
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")
        parser.add_argument("--dry-run", action="store_true", help="Make and count the rows; write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_empty"] and has_users():
            skipped = "erebus has users already; nothing was written."
            self.stdout.write(json.dumps({"skipped": skipped}) if options["json"] else f"Skipped: {skipped}")
            return
        seed = secrets.randbelow(2**32) if options["seed"] is None else options["seed"]
        sample = Sample(options["users"], options["tasks"], options["engrams"], seed, now=time.time())
        with Bars() as bars:
            report = write_sample(sample, bars.step, dry_run=options["dry_run"])
        for line in [json.dumps(asdict(report))] if options["json"] else _as_text(report, sample):
            self.stdout.write(line)


class Bars(ExitStack):
    """A progress bar on stderr for each thing that is written, at a terminal only."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: dict[str, tqdm[NoReturn]] = {}

    def step(self, name: str, rows: int, *, total: int) -> None:
        """Move the bar of `name` on by `rows`; a full one stands still, with its own time."""
        if name not in self._bars:
            self._bars[name] = self.enter_context(tqdm(desc=name, total=total, unit=" rows", disable=None))
        bar = self._bars[name]
        bar.update(rows)
        if bar.n >= total:
            bar.close()


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if number < 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return number


def _as_text(report: Report, sample: Sample) -> Iterator[str]:
    yield f"{'database':<10}{'table':<30}{'rows':>12}"
    for alias, tables in report.rows.items():
        for table, rows in tables.items():
            yield f"{alias:<10}{table:<30}{rows:>12,}"
    if report.dry_run:
        yield "Dry run: nothing was written."
        return
    yield f"Written in {report.seconds:,.1f} s."
    yield (
        f"On an empty pair the same rows are made by: manage.py sample_data --users {sample.users} "
        f"--tasks {sample.tasks} --engrams {sample.engrams} --seed {report.seed}"
    )
    yield "The users reach agents by replication; to wait for that: manage.py replication wait"
