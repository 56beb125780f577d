"""Django's changepassword, in erebus where no --database is given."""

from django.contrib.auth.management.commands import changepassword

from nullstore.management.base import ErebusByDefault


class Command(ErebusByDefault, changepassword.Command):
    pass
