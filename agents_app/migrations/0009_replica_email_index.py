"""The index of the replica's e-mail addresses without users who have none: apply need not write it for them."""

from django.db import migrations, models
from django.db.models import Q

from nullstore.indexes import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    # CONCURRENTLY: replication writes the table meanwhile.
    atomic = False

    dependencies = [("agents_app", "0008_task_durations")]

    operations = [
        AddIndexOnline(
            "userreference",
            models.Index(
                fields=["email"],
                opclasses=["varchar_pattern_ops"],
                condition=Q(email__isnull=False),
                name="user_replica_email_given",
            ),
        ),
        RemoveIndexOnline("userreference", "user_replica_email"),
    ]
