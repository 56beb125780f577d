"""Indexes that the console's filters and searches of engrams use; agents_app.models.engrams says which needs which."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import BtreeGinExtension
from django.contrib.postgres.search import SearchVector
from django.db import migrations
from django.db.models import Index, Q
from django.db.models.functions import Left

from nullstore.indexes import AddIndexOnline, RemoveIndexOnline

ENGRAMS = [
    Index(
        fields=["wallet_address", "engram_type"],
        opclasses=["varchar_pattern_ops", "varchar_ops"],
        name="engrams_wallet",
    ),
    GinIndex(fields=["engram_type", "tags"], name="engrams_type_tags"),
    GinIndex(SearchVector(Left("summary", 50_000), config="english"), name="engrams_summary"),
    Index(fields=["created_at", "id"], condition=Q(is_mintable=True), name="engrams_mintable"),
    Index(fields=["created_at", "id"], condition=Q(ttl_seconds__isnull=False), name="engrams_expiring"),
    Index(fields=["ttl_seconds"], condition=Q(ttl_seconds__isnull=False), name="engrams_ttl"),
]
HISTORY = Index(
    fields=["changed_by", "created_at", "id"],
    opclasses=["varchar_pattern_ops", "timestamptz_ops", "uuid_ops"],
    name="engram_history_by",
)


class Migration(migrations.Migration):
    # CONCURRENTLY: both tables are large, and services write them meanwhile.
    atomic = False

    dependencies = [("agents_app", "0006_task_indexes")]

    operations = [
        # For the type beside the tags. It is trusted: the owner of the database may create it, superuser or not.
        BtreeGinExtension(),
        *(AddIndexOnline("engram", index) for index in ENGRAMS),
        # Tags are never without an index.
        RemoveIndexOnline("engram", "engrams_tags"),
        AddIndexOnline("engramhistory", HISTORY),
    ]
