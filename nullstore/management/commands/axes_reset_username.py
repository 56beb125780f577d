"""django-axes' axes_reset_username, which ends clean where erebus does not answer."""

from axes.management.commands import axes_reset_username

from nullstore.management.base import CleanErrors


class Command(CleanErrors, axes_reset_username.Command):
    pass
