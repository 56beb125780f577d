"""Triggers of agents, tasks and task_transitions.

The bodies are frozen: a change of a rule is a new migration. Triggers of one table fire in the order of their names.
"""

from django.db import migrations

from nullstore.triggers import CreateTrigger

TOUCH = """
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
"""

# Fires where status or its timestamp is written, so that an UPDATE of other columns pays nothing.
# A value that is no state at all is left for the CHECK tasks_status_known, which comes after BEFORE triggers.
TASK_STATUS = """
DECLARE
    states CONSTANT text[] := ARRAY['submitted', 'working', 'input-required', 'completed', 'canceled', 'failed',
                                    'rejected', 'auth-required', 'unknown'];
    terminal CONSTANT text[] := ARRAY['completed', 'canceled', 'failed', 'rejected'];
BEGIN
    -- A2A v1.0's spelling into v0.3's.
    IF starts_with(NEW.status, 'TASK_STATE_') THEN
        NEW.status := CASE NEW.status
            WHEN 'TASK_STATE_SUBMITTED' THEN 'submitted'
            WHEN 'TASK_STATE_WORKING' THEN 'working'
            WHEN 'TASK_STATE_INPUT_REQUIRED' THEN 'input-required'
            WHEN 'TASK_STATE_COMPLETED' THEN 'completed'
            WHEN 'TASK_STATE_CANCELED' THEN 'canceled'
            WHEN 'TASK_STATE_CANCELLED' THEN 'canceled'
            WHEN 'TASK_STATE_FAILED' THEN 'failed'
            WHEN 'TASK_STATE_REJECTED' THEN 'rejected'
            WHEN 'TASK_STATE_AUTH_REQUIRED' THEN 'auth-required'
            WHEN 'TASK_STATE_UNSPECIFIED' THEN 'unknown'
            ELSE NEW.status
        END;
    END IF;

    IF TG_OP = 'UPDATE' THEN
        -- Writers that save whole rows send the NULLs that they read before these were set.
        NEW.started_at := COALESCE(NEW.started_at, OLD.started_at);
        NEW.completed_at := COALESCE(NEW.completed_at, OLD.completed_at);
        NEW.actual_duration := COALESCE(NEW.actual_duration, OLD.actual_duration);
        IF NEW.status IS NOT DISTINCT FROM OLD.status THEN
            NEW.status_timestamp := OLD.status_timestamp;
            RETURN NEW;
        END IF;
        IF OLD.status = ANY (terminal) AND NEW.status = ANY (states) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                COLUMN = 'status',
                CONSTRAINT = 'tasks_terminal_status_is_final',
                MESSAGE = format('task %s is %s, which is final: it cannot become %s', OLD.id, OLD.status, NEW.status),
                HINT = format('Make a new task in the same context (context_id %s).', OLD.context_id);
        END IF;
        NEW.status_timestamp := now();
    END IF;

    IF NEW.status = 'working' THEN
        NEW.started_at := COALESCE(NEW.started_at, NEW.status_timestamp);
    ELSIF NEW.status = ANY (terminal) THEN
        NEW.completed_at := COALESCE(NEW.completed_at, NEW.status_timestamp);
        -- Milliseconds; greatest() passes over the NULL of an unknown start, so that must be asked for.
        IF NEW.actual_duration IS NULL AND NEW.started_at IS NOT NULL THEN
            NEW.actual_duration := greatest(0, round(extract(epoch FROM NEW.completed_at - NEW.started_at) * 1000));
        END IF;
    END IF;
    RETURN NEW;
END
"""

# An actor's name that is too long must not stop the task: it is cut to the column's length.
RECORD_FIRST_STATUS = """
BEGIN
    INSERT INTO public.task_transitions (task_id, from_status, to_status, message, changed_by, changed_at)
    VALUES (NEW.id, NULL, NEW.status, NEW.status_message,
            left(NULLIF(current_setting('nullstore.actor', true), ''), 255), NEW.status_timestamp);
    RETURN NULL;
END
"""

RECORD_NEXT_STATUS = """
BEGIN
    INSERT INTO public.task_transitions (task_id, from_status, to_status, message, changed_by, changed_at)
    VALUES (NEW.id, OLD.status, NEW.status, NEW.status_message,
            left(NULLIF(current_setting('nullstore.actor', true), ''), 255), NEW.status_timestamp);
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0001_initial")]

    operations = [
        CreateTrigger("agents_touch", table="agents", timing="BEFORE", events=("UPDATE",), body=TOUCH),
        CreateTrigger("tasks_touch", table="tasks", timing="BEFORE", events=("UPDATE",), body=TOUCH),
        CreateTrigger(
            "tasks_status",
            table="tasks",
            timing="BEFORE",
            events=("INSERT", "UPDATE OF status, status_timestamp"),
            body=TASK_STATUS,
        ),
        CreateTrigger(
            "tasks_record_first_status",
            table="tasks",
            timing="AFTER",
            events=("INSERT",),
            body=RECORD_FIRST_STATUS,
        ),
        # Two triggers in place of one: WHEN keeps an UPDATE that leaves status alone from queueing an event.
        CreateTrigger(
            "tasks_record_next_status",
            table="tasks",
            timing="AFTER",
            events=("UPDATE",),
            when="OLD.status IS DISTINCT FROM NEW.status",
            body=RECORD_NEXT_STATUS,
        ),
    ]
