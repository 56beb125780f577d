"""Errors of nullstore. One base class; the docstring of each class is its default message."""

from inspect import cleandoc

from django.core.exceptions import ImproperlyConfigured


class NullstoreError(Exception):
    """nullstore could not do what was asked."""

    #: What a command that ends with this error returns to the shell:
    #: 1 = not yet, or different; 2 = broken.
    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or cleandoc(type(self).__doc__ or ""))


class InvalidDatabaseURL(NullstoreError, ImproperlyConfigured):
    """A database URL in the environment cannot be read."""


class InvalidSetting(NullstoreError, ImproperlyConfigured):
    """A setting in the environment cannot be used."""


class NoDefaultDatabase(NullstoreError, ImproperlyConfigured):
    """No database was named, and nullstore has no default one on purpose.
    Give --database=erebus or --database=agents (in Python: using="erebus" or using="agents")."""


class ReplicaIsReadOnly(NullstoreError):
    """This model is a read-only copy kept by logical replication; write its source model instead."""


class ActionRefused(NullstoreError):
    """This cannot be done to this row."""

    exit_code = 1


class DecryptionError(NullstoreError):
    """A stored secret cannot be decrypted."""


class DatabaseUnavailable(NullstoreError):
    """A database server does not answer."""


class LocalServerError(NullstoreError):
    """A local PostgreSQL server could not be made, started or stopped."""


class RuntimeRoleError(NullstoreError):
    """The role of the web process could not be made or given its rights."""


class ReplicationError(NullstoreError):
    """Logical replication could not be set up or changed."""


class ReplicationTimeout(NullstoreError):
    """The replica did not reach the source in the time given."""

    exit_code = 1


class ComparisonError(NullstoreError):
    """The replica could not be compared with its source."""


class VerificationUnderWay(ComparisonError):
    """Another comparison is under way."""


class BackupError(NullstoreError):
    """The databases could not be backed up or restored."""


class DamagedBackup(BackupError):
    """A backup is not as it was written."""

    exit_code = 1


class RestoreError(BackupError):
    """A backup cannot be restored here."""


class DatabaseInUse(RestoreError):
    """Somebody is connected to a database that is to be replaced."""

    exit_code = 1


class RestoreUnfinished(RestoreError):
    """A restore was interrupted between two databases."""


class SchemaChangeRefused(NullstoreError):
    """A migration would change a replicated table in a way or in an order that stops replication."""
