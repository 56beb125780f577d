"""manage.py ensure_runtime_role: the role of the web process, with exactly its rights in both databases."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from nullstore.management.owner import OwnerCommand
from nullstore.runtime.pair import ensure_runtime_roles
from nullstore.runtime.reconcile import Change


class Command(OwnerCommand):
    """Exit code 0: as declared. 1: something would change (dry run). 2: a role has more than we may take from it."""

    help = (
        "Make the roles that EREBUS_DATABASE_URL and AGENTS_DATABASE_URL name, where the owner's URLs name others, and "
        "give them exactly the rights that the web process needs. migrate does the same. Run it again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would change; change nothing.")
        parser.add_argument("--json", action="store_true", help="Print the result as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        changes = ensure_runtime_roles(dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({change.alias: asdict(change) for change in changes}))
        else:
            for line in _as_text(changes, dry_run=options["dry_run"]):
                self.stdout.write(line)
        if any(change.problems for change in changes):
            sys.exit(2)
        if options["dry_run"] and any(change.any for change in changes):
            sys.exit(1)


def _as_text(changes: list[Change], *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    if not changes:
        yield "The owner's URLs name no other roles: there is no runtime role of its own."
    for change in changes:
        if change.made:
            yield f"{change.alias}: the role {change.role} {would}made."
        for what, rights in (("granted", change.granted), ("revoked", change.revoked)):
            yield from (f"{change.alias}: {would}{what}: {right}" for right in rights)
        yield from (f"{change.alias}: {problem}" for problem in change.problems)
        if not (change.any or change.problems):
            yield f"{change.alias}: the role {change.role} has exactly its rights."
