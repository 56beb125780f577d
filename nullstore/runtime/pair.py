"""The runtime roles of both databases, by their URLs."""

from collections.abc import Iterable

from nullstore import conf
from nullstore.databases import ALIASES
from nullstore.runtime.reconcile import Change, ensure_runtime_role


def ensure_runtime_roles(aliases: Iterable[str] = ALIASES, *, dry_run: bool = False) -> list[Change]:
    """Bring the runtime roles of these databases to what is declared; nothing where the owner is also the runtime."""
    found = []
    for alias in aliases:
        if conf.owner_database(alias):
            user, password = conf.runtime_login(alias)
            found.append(ensure_runtime_role(alias, user, password, dry_run=dry_run))
    return [change for change in found if change is not None]
