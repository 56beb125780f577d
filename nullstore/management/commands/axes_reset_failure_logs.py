"""django-axes' axes_reset_failure_logs, as the owner of the table: the web process may not remove what is kept."""

from axes.management.commands import axes_reset_failure_logs

from nullstore.management.owner import OwnerCommand


class Command(OwnerCommand, axes_reset_failure_logs.Command):
    pass
