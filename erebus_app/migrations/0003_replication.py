"""What the Agents database subscribes to: the role that may read it, and the publication."""

from django.db import migrations

from nullstore.replication.operations import CreatePublication, CreateReplicationRole


class Migration(migrations.Migration):
    dependencies = [("erebus_app", "0002_triggers")]

    operations = [
        CreateReplicationRole(tables=("user_references",)),
        # Without truncate: published it stops apply for good on a subscriber with foreign keys to the table. The
        # trigger user_references_refuse_truncate sees to it that nobody truncates the source unseen.
        CreatePublication("erebus_user_sync", tables=("user_references",), publish=("insert", "update", "delete")),
    ]
