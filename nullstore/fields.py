"""Model fields that Django has no name for."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class FixedCharField(models.CharField):
    """char(n): text of exactly max_length characters, such as a hash in hex."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return f"char({self.max_length})"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.db_type(connection)
