"""Django's makemigrations; changes of a replicated table that have no common order become two migrations."""

from django.core.management.commands import makemigrations

from nullstore.management.base import CleanErrors
from nullstore.migrating.autodetector import SplittingAutodetector


class Command(CleanErrors, makemigrations.Command):
    autodetector = SplittingAutodetector
