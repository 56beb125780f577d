"""What staff did to rows of this database.

The admin's own log lives in the other database; this one is written in the action's own transaction.
"""

from django.contrib.postgres.functions import TransactionNow
from django.db import models

from nullstore.fields import Document


class OpsAction(models.Model):
    """One action of a member of staff. Append-only: the database refuses UPDATE, DELETE and TRUNCATE."""

    id = models.BigAutoField(primary_key=True)
    actor = models.CharField(max_length=255)
    action = models.CharField(max_length=100)
    target_table = models.CharField("table", max_length=255)
    target_id = models.CharField("row", max_length=255)
    detail = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "ops_actions"
        verbose_name = "staff action"
        indexes = [models.Index(fields=["target_table", "target_id", "id"], name="ops_actions_target")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target_table} {self.target_id}"
