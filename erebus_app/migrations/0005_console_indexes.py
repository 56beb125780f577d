"""Indexes that the console's filters and searches use. Each costs its writers something: there is none in reserve.

An e-mail address is searched in upper and lower case alike, by one index instead of the one that knew the difference.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from nullstore.indexes import AddIndexOnline, RemoveIndexOnline

# The history of a row is asked for with its page. Django's own table has an index on the content type only: all that
# was ever done to any user would be read.
_DROP_LOG_INDEX = "DROP INDEX CONCURRENTLY IF EXISTS django_admin_log_row"
_LOG_INDEX = [
    # What a killed run has left is INVALID, and IF NOT EXISTS would take it for the index.
    _DROP_LOG_INDEX,
    """
    CREATE INDEX CONCURRENTLY django_admin_log_row ON django_admin_log (object_id, content_type_id, action_time DESC)
    """,
]


class Migration(migrations.Migration):
    # CONCURRENTLY: users go on being written meanwhile.
    atomic = False

    dependencies = [
        ("erebus_app", "0004_console_permissions"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        AddIndexOnline(
            model_name="userreference",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Lower("email"), name="text_pattern_ops"
                ),
                condition=models.Q(("email__isnull", False)),
                name="user_references_email_lower",
            ),
        ),
        RemoveIndexOnline(model_name="userreference", name="user_references_email_prefix"),
        AddIndexOnline(
            model_name="authsession",
            index=models.Index(fields=["user", "created_at", "id"], name="sessions_user"),
        ),
        migrations.AlterField(
            model_name="authsession",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sessions",
                to="erebus_app.userreference",
            ),
        ),
        AddIndexOnline(
            model_name="authsession",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=["created_at", "id", "expires_at"],
                name="sessions_unrevoked",
            ),
        ),
        AddIndexOnline(
            model_name="authsession",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["created_at", "id"],
                name="sessions_revoked",
            ),
        ),
        AddIndexOnline(
            model_name="wallet",
            index=models.Index(
                condition=models.Q(("verified_at__isnull", True)),
                fields=["created_at", "id", "chain"],
                name="wallets_unverified",
            ),
        ),
        migrations.RunSQL(_LOG_INDEX, _DROP_LOG_INDEX),
    ]
