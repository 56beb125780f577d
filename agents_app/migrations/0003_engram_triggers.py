"""Triggers of engrams and engram_history, and the append-only guard of both audit tables.

The bodies are frozen: a change of a rule is a new migration. Triggers of one table fire in the order of their names.
Who and why come from the settings nullstore.actor and nullstore.reason of the transaction, cut to the columns' length:
a long name must not stop the write that it explains.
"""

from django.db import migrations

from nullstore.triggers import CreateTrigger

TOUCH = """
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
"""

LINEAGE = """
BEGIN
    NEW.lineage_root_id := NEW.id;
    IF NEW.parent_id IS NOT NULL THEN
        -- A parent that is not there is left for the foreign key.
        NEW.lineage_root_id := COALESCE(
            (SELECT parent.lineage_root_id FROM public.engrams AS parent WHERE parent.id = NEW.parent_id), NEW.id);
    END IF;
    RETURN NEW;
END
"""

# Fires where one of these columns is written: reading marks accessed_at, and must not pay.
# lineage_root_id stays when the foreign key sets parent_id to NULL: the first ancestor was who it was.
VERSION = """
BEGIN
    NEW.lineage_root_id := OLD.lineage_root_id;
    NEW.version := OLD.version;
    IF NEW.content IS DISTINCT FROM OLD.content
        OR NEW.summary IS DISTINCT FROM OLD.summary
        OR NEW.tags IS DISTINCT FROM OLD.tags
    THEN
        NEW.version := OLD.version + 1;
        INSERT INTO public.engram_history
            (engram_id, version, content, summary, tags, changed_by, change_reason)
        VALUES
            (OLD.id, OLD.version, OLD.content, OLD.summary, OLD.tags,
             left(NULLIF(current_setting('nullstore.actor', true), ''), 255),
             left(NULLIF(current_setting('nullstore.reason', true), ''), 255))
        ON CONFLICT (engram_id, version) DO NOTHING;
    END IF;
    RETURN NEW;
END
"""

LAST_VERSION = """
BEGIN
    INSERT INTO public.engram_history
        (engram_id, version, content, summary, tags, changed_by, change_reason)
    VALUES
        (OLD.id, OLD.version, OLD.content, OLD.summary, OLD.tags,
         left(NULLIF(current_setting('nullstore.actor', true), ''), 255), 'deleted')
    ON CONFLICT (engram_id, version) DO NOTHING;
    RETURN OLD;
END
"""

# A service that writes the history row itself does no harm. Locking the engram first makes its writers queue: without
# it two rows of one version, each written before the other's commit, would end in a unique violation, and a service
# that writes the row before its UPDATE in a deadlock with one that only updates. What the lock cannot settle (an
# engram that is gone, REPEATABLE READ) is decided by the unique constraint.
ONCE = """
BEGIN
    PERFORM FROM public.engrams WHERE id = NEW.engram_id FOR NO KEY UPDATE;
    PERFORM FROM public.engram_history WHERE engram_id = NEW.engram_id AND version = NEW.version;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
"""

APPEND_ONLY = """
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NS003',
        SCHEMA = TG_TABLE_SCHEMA,
        TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s is append-only: %s is refused for everybody', TG_TABLE_NAME, TG_OP),
        HINT = 'Write a new row that says what is different; those that are there stay.';
END
"""

# TRUNCATE fires no row triggers: the last versions would be gone without a word in the history.
NO_TRUNCATE = """
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NS003',
        SCHEMA = TG_TABLE_SCHEMA,
        TABLE = TG_TABLE_NAME,
        MESSAGE = format('TRUNCATE of %s is refused: the last versions would be missing in engram_history',
                         TG_TABLE_NAME),
        HINT = format('Use DELETE FROM %s, which writes them there.', TG_TABLE_NAME);
END
"""


def append_only(table: str) -> CreateTrigger:
    return CreateTrigger(
        f"{table}_append_only",
        table=table,
        timing="BEFORE",
        events=("UPDATE", "DELETE", "TRUNCATE"),
        level="STATEMENT",
        body=APPEND_ONLY,
        # Else session_replication_role = replica, one SET of a superuser, would go past it.
        enable="ALWAYS",
    )


def by_index(function: str) -> migrations.RunSQL:
    # A plan is made while the table is small and kept while one statement fills it: with a sequential scan in it,
    # 20,000 rows took 31 s in place of 3.
    return migrations.RunSQL(f"ALTER FUNCTION public.{function}() SET enable_seqscan = off", migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0002_task_triggers")]

    operations = [
        CreateTrigger("engrams_touch", table="engrams", timing="BEFORE", events=("UPDATE",), body=TOUCH),
        CreateTrigger("engrams_lineage", table="engrams", timing="BEFORE", events=("INSERT",), body=LINEAGE),
        by_index("engrams_lineage"),
        CreateTrigger(
            "engrams_version",
            table="engrams",
            timing="BEFORE",
            events=("UPDATE OF content, summary, tags, version, lineage_root_id",),
            body=VERSION,
        ),
        CreateTrigger("engrams_last_version", table="engrams", timing="BEFORE", events=("DELETE",), body=LAST_VERSION),
        CreateTrigger(
            "engrams_no_truncate",
            table="engrams",
            timing="BEFORE",
            events=("TRUNCATE",),
            level="STATEMENT",
            body=NO_TRUNCATE,
            enable="ALWAYS",
        ),
        CreateTrigger("engram_history_once", table="engram_history", timing="BEFORE", events=("INSERT",), body=ONCE),
        by_index("engram_history_once"),
        append_only("engram_history"),
        append_only("ops_actions"),
    ]
