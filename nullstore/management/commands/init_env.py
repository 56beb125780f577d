"""manage.py init_env: the file .env for a machine of one's own."""

import os
from typing import Any

from django.core.management.base import CommandError

from nullstore.envfile import env_path, write_env
from nullstore.management.base import CleanErrors


class Command(CleanErrors):
    """Print what was done, never what is in the file."""

    help = "Writes .env with generated secrets for a machine of one's own, if there is none yet."
    # It makes the secrets without which checks fail.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        path = env_path()
        try:
            from_outside = write_env(path, os.environ)
        except OSError as error:
            raise CommandError(f"{path} could not be written: {error.strerror}.", returncode=2) from error
        if from_outside is None:
            self.stdout.write(f"{path} is there already and stays as it is.")
            return
        self.stdout.write(f"{path} was written with new secrets.")
        for name in from_outside:
            self.stdout.write(f"{name} is set in the environment and was left out of it.")
