"""Django's runserver, which looks for unapplied migrations in both databases."""

from django.contrib.staticfiles.management.commands import runserver

from nullstore.management.base import CleanErrors


class Command(CleanErrors, runserver.Command):
    pass
