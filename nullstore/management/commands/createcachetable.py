"""Django's createcachetable; it would make nothing in the default database and not say so."""

from django.core.management.commands import createcachetable

from nullstore.management.base import NamedDatabase
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, NamedDatabase, createcachetable.Command):
    pass
