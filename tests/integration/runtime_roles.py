"""Being the runtime role: in a test's own transaction, or logged in as it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connections

from nullstore.databases import ALIASES
from nullstore.runtime.reconcile import Change, ensure_runtime_role

ROLES: Final = {alias: f"{alias}_walker" for alias in ALIASES}
PASSWORD: Final = "of-the-runtime-role"


def ensure(alias: str, *, dry_run: bool = False) -> Change:
    change = ensure_runtime_role(alias, ROLES[alias], PASSWORD, dry_run=dry_run)
    assert change is not None
    return change


@contextmanager
def as_runtime_roles() -> Iterator[None]:
    """Go on with the rights of the roles that the fixture runtime_roles made, in the transactions that are open."""
    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"SET ROLE {ROLES[alias]}")
    try:
        yield
    finally:
        for alias in ALIASES:
            with connections[alias].cursor() as cursor:
                cursor.execute("RESET ROLE")


@contextmanager
def logged_in() -> Iterator[None]:
    """Django's connections are those of the runtime roles, as in the web process."""
    kept = {}
    for alias in ALIASES:
        ensure(alias)
        settings = connections[alias].settings_dict
        kept[alias] = {key: settings[key] for key in ("USER", "PASSWORD")}
        connections[alias].close()
        settings.update(USER=ROLES[alias], PASSWORD=PASSWORD)
    try:
        yield
    finally:
        for alias, before in kept.items():
            connections[alias].close()
            connections[alias].settings_dict.update(before)
