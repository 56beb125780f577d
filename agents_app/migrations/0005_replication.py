"""Subscribes to the users of the Erebus database; copies those that are there and goes on streaming."""

from django.db import migrations

from nullstore.replication.operations import CreateSubscription


class Migration(migrations.Migration):
    # The slot is made on the other server, outside any transaction of this one.
    atomic = False

    dependencies = [("agents_app", "0004_replica")]

    operations = [
        CreateSubscription("agents_user_sync", publication="erebus_user_sync", publisher="erebus"),
    ]
