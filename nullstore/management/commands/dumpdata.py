"""Django's dumpdata; it would find nothing in the default database and call that a dump."""

from django.core.management.commands import dumpdata

from nullstore.management.base import NamedDatabase


class Command(NamedDatabase, dumpdata.Command):
    pass
