"""django-axes' axes_reset, which ends clean where erebus does not answer."""

from axes.management.commands import axes_reset

from nullstore.management.base import CleanErrors


class Command(CleanErrors, axes_reset.Command):
    pass
