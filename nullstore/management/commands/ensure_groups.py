"""manage.py ensure_groups: the groups of staff, with the permissions that nullstore/groups.py declares."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from nullstore.groups import GroupChange, ensure_groups
from nullstore.management.base import CleanErrors


class Command(CleanErrors):
    """Exit code 0: the groups are as declared. 1: they are not (dry run), or migrate has not made the permissions."""

    help = (
        "Make the groups Viewer, Operator and Key custodian, with the permissions that nullstore/groups.py declares: "
        "what is missing is added, what somebody added by hand is removed, members stay. Run it again at any time. "
        "Exit code 0: they are as declared; 1: not yet (with --dry-run, or before migrate); 2: something is broken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would change; change nothing.")
        parser.add_argument("--json", action="store_true", help="Print the report as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run: bool = options["dry_run"]
        groups = ensure_groups(dry_run=dry_run)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, "groups": [asdict(group) for group in groups]}, indent=2))
        else:
            for line in _as_text(groups, dry_run):
                self.stdout.write(line)
        if dry_run and any(group.is_change for group in groups):
            raise CommandError("The groups are not as declared. Run manage.py ensure_groups.", returncode=1)


def _as_text(groups: list[GroupChange], dry_run: bool) -> Iterator[str]:
    for group in groups:
        state = "as declared"
        if group.is_change:
            done = "created" if group.created else "changed"
            state = f"to be {done}" if dry_run else done
        yield f"{group.name}: {state}, {group.permissions} permissions, {group.members} members."
        if group.created:
            continue
        yield from (f"  + {codename}" for codename in group.added)
        yield from (f"  - {codename} (added by hand)" for codename in group.removed)
    if dry_run:
        yield "Dry run: nothing was written."
