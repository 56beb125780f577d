"""verification_runs: comparisons of the replica with its source."""

from django.contrib.postgres.functions import TransactionNow
from django.db import models

from nullstore.fields import Document


class VerificationRun(models.Model):
    """One comparison of the replica's content with its source's: who asked, when, and what came out."""

    class State(models.TextChoices):
        RUNNING = "running"
        EQUAL = "equal"
        DIFFERENT = "different"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    requested_by = models.CharField(max_length=255)
    state = models.CharField(max_length=20, choices=State)
    result = Document(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    started_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "verification_runs"
        verbose_name = "verification run"
        verbose_name_plural = "verification runs"

    def __str__(self) -> str:
        return f"verification {self.pk}: {self.state}"
