"""django-axes' axes_list_attempts, which ends clean where erebus does not answer."""

from axes.management.commands import axes_list_attempts

from nullstore.management.base import CleanErrors


class Command(CleanErrors, axes_list_attempts.Command):
    pass
