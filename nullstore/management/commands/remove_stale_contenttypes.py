"""Django's remove_stale_contenttypes, in erebus where no --database is given."""

from django.contrib.contenttypes.management.commands import remove_stale_contenttypes

from nullstore.management.base import ErebusByDefault
from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, ErebusByDefault, remove_stale_contenttypes.Command):
    pass
