"""Django's createsuperuser, in erebus where no --database is given."""

from django.contrib.auth.management.commands import createsuperuser

from nullstore.management.base import ErebusByDefault


class Command(ErebusByDefault, createsuperuser.Command):
    pass
