"""manage.py generate_key: print a new master key for FIELD_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from nullstore.encryption import generate_key, master_keys
from nullstore.exceptions import InvalidSetting
from nullstore.management.base import CleanErrors

_NEXT_STEPS = """\
A first key: set FIELD_ENCRYPTION_KEYS to the line above.
A further key, in a running installation:
  1. put it after the others, separated by a comma, and restart every process: all can read it now;
  2. move it to the front and restart every process: it encrypts from now on;
  3. run manage.py rotate_keys, which says when an old key may go."""


class Command(CleanErrors):
    """Print a new key; store nothing."""

    help = "Print a new random key in the form of FIELD_ENCRYPTION_KEYS, id:key. Stores nothing."
    # It makes the key without which checks fail.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--id", help="1 to 32 letters, digits, or any of _ . - (default: k and the date, such as k20260131)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = generate_key(options["id"])
        except ValueError as error:
            raise CommandError(f"--id: {error}", returncode=2) from error
        key_id = key.partition(":")[0]
        if key_id in _known_ids():
            raise CommandError(
                f"FIELD_ENCRYPTION_KEYS has a key {key_id!r} already. Choose another id with --id.", returncode=2
            )
        self.stdout.write(key)
        if self.stderr.isatty():
            self.stderr.write(_NEXT_STEPS, str)


def _known_ids() -> set[str]:
    try:
        return set(master_keys())
    except InvalidSetting:
        return set()
