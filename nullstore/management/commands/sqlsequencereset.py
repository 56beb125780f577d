"""Django's sqlsequencereset; it would find no sequences in the default database."""

from django.core.management.commands import sqlsequencereset

from nullstore.management.base import NamedDatabase


class Command(NamedDatabase, sqlsequencereset.Command):
    pass
