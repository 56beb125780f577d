"""Users arrive in binary form: no value of a row is written as text and read again on its way."""

from django.db import migrations

from nullstore.replication.operations import AlterSubscription

_SUBSCRIPTION = {"publication": "erebus_user_sync", "publisher": "erebus"}


class Migration(migrations.Migration):
    atomic = False  # the subscription's slot lives on the other server

    dependencies = [("agents_app", "0008_task_durations")]

    operations = [
        AlterSubscription(
            "agents_user_sync", before=_SUBSCRIPTION, after={**_SUBSCRIPTION, "options": {"binary": True}}
        ),
    ]
