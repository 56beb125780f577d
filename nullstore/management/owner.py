"""The base of commands that need the owner of the databases."""

from typing import Any

from nullstore.management.base import CleanErrors
from nullstore.owner import as_owner


class OwnerCommand(CleanErrors):
    """Logs in as EREBUS_OWNER_URL and AGENTS_OWNER_URL say, from the first question on; afterwards nobody does.

    Where those are not set, as EREBUS_DATABASE_URL and AGENTS_DATABASE_URL say.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        with as_owner():
            return super().execute(*args, **options)
