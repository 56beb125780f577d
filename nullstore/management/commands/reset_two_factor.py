"""manage.py reset_two_factor: for who has lost phone and recovery codes, where no superuser gets in."""

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from nullstore.databases import EREBUS
from nullstore.door.devices import remove
from nullstore.management.asking import ask
from nullstore.management.base import CleanErrors
from nullstore.replication.compare.runs import operator


class Command(CleanErrors):
    """Exit code 0: removed. 1: there was no device, or nobody said yes. 2: there is no such account."""

    help = "Removes somebody's second factor; a new one is set up at the next login. Noted in the admin's log."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--actor", help="The account that the log names as who did it (that of USERNAME).")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done; change nothing.")
        parser.add_argument("--json", action="store_true", help="Print the outcome as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        name, dry_run = options["username"], options["dry_run"]
        user, actor = _account(name), _account(options["actor"] or name)
        there = hasattr(user, "totp_device")
        if there and not dry_run:
            if not options["no_input"]:
                ask(self.stderr, "reset_two_factor", f"Remove the second factor of {name}?")
            # The log wants an account; the shell knows another name.
            there = remove(user.pk, actor.pk, f"By manage.py reset_two_factor, which {operator()} ran on the server.")
        if options["json"]:
            self.stdout.write(json.dumps({"username": name, "removed": there and not dry_run, "dry_run": dry_run}))
        if not there:
            raise CommandError(f"{name} has no second factor.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"The second factor of {name} {'would be' if dry_run else 'was'} removed.")


def _account(name: str) -> Any:
    user = get_user_model()._default_manager.using(EREBUS).filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no account {name}.", returncode=2)
    return user
