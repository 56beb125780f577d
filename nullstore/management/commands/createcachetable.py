"""Django's createcachetable; it would make nothing in the default database and not say so."""

from django.core.management.commands import createcachetable

from nullstore.management.base import NamedDatabase


class Command(NamedDatabase, createcachetable.Command):
    pass
