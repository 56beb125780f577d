"""Django's flush, which says why the database refused: replicated and append-only tables cannot be truncated."""

from django.core.management.commands import flush

from nullstore.management.base import NamedDatabase
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, NamedDatabase, flush.Command):
    pass
