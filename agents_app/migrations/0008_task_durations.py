"""A task that began or ended at infinity can reach a final state: it has no duration.

The subtraction failed, and with it whatever made the task final: on PostgreSQL 15 by "cannot subtract infinite
timestamps", from 17 on because an infinite interval is no bigint.
"""

from importlib import import_module

from django.db import migrations

from nullstore.triggers import CreateTrigger, RemoveTrigger

TRIGGER = {
    "name": "tasks_status",
    "table": "tasks",
    "timing": "BEFORE",
    "events": ("INSERT", "UPDATE OF status, status_timestamp"),
}
BEFORE = import_module("agents_app.migrations.0002_task_triggers").TASK_STATUS
AFTER = BEFORE.replace("NEW.started_at IS NOT NULL", "isfinite(NEW.started_at) AND isfinite(NEW.completed_at)")


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0007_engram_indexes")]

    operations = [
        RemoveTrigger(**TRIGGER, body=BEFORE),
        CreateTrigger(**TRIGGER, body=AFTER),
    ]
