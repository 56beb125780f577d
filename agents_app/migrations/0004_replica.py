"""The replica of user_references: nobody writes it but replication, and tasks follow what happens to their users."""

from django.db import migrations

from nullstore.replication.operations import GuardReplica
from nullstore.triggers import CreateTrigger

# Logical replication runs with session_replication_role = replica: these fire only with ENABLE ALWAYS, the trigger
# that keeps tasks.updated_at does not fire at all, and names need their schema. For the same reason a foreign key
# would not act, and a dump with dangling references could not be restored.
_USER_DELETED = """
BEGIN
    UPDATE public.tasks SET user_id = NULL, updated_at = now() WHERE user_id = OLD.id;
    RETURN NULL;
END
"""
_USER_RENUMBERED = """
BEGIN
    UPDATE public.tasks SET user_id = NEW.id, updated_at = now() WHERE user_id = OLD.id;
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0003_engram_triggers")]

    operations = [
        CreateTrigger(
            "user_references_deleted",
            table="user_references",
            timing="AFTER",
            events=("DELETE",),
            body=_USER_DELETED,
            enable="ALWAYS",
        ),
        CreateTrigger(
            "user_references_renumbered",
            table="user_references",
            timing="AFTER",
            # Not UPDATE OF id: replication sets all columns.
            events=("UPDATE",),
            when="OLD.id IS DISTINCT FROM NEW.id",
            body=_USER_RENUMBERED,
            enable="ALWAYS",
        ),
        GuardReplica(table="user_references", source="erebus.user_references"),
    ]
