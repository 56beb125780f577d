"""What schema readers are promised about the tables of the database `agents`: columns, types, NULL and defaults."""

from typing import Any, Final
from uuid import UUID

#: now() of the transaction.
NOW: Final = object()

_UUID: Final = ("uuid", UUID)
_TIME: Final = ("timestamp with time zone", NOW)
_NULL_TIME: Final = ("timestamp with time zone", None)
_NULL_UUID: Final = ("uuid", None)
_NULL_TEXT: Final = ("text", None)
_LIST: Final[tuple[str, Any]] = ("jsonb", [])
_OBJECT: Final[tuple[str, Any]] = ("jsonb", {})
_TAGS: Final[tuple[str, Any]] = ("text[]", [])


def _varchar(length: int, *default: str | None) -> tuple[Any, ...]:
    return (f"character varying({length})", *default)


#: By table and column: the type and, as JSON, the value where a writer says nothing; without one, the column is
#: required. A column may be NULL exactly if that value is None. A type stands for a new value of that type.
COLUMNS: dict[str, dict[str, tuple[Any, ...]]] = {
    "user_references": {
        "id": _UUID,
        "source_identifier": _varchar(255),
        "network": _varchar(50),
        "user_type": _varchar(50, "external"),
        "source_type": ("jsonb", {"type": "web3_wallet", "provider": "unknown", "metadata": {}}),
        "email": _varchar(255, None),
        "metadata": _OBJECT,
        "preferences": _OBJECT,
        "is_active": ("boolean", True),
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "agents": {
        "id": _UUID,
        "name": _varchar(255),
        "agent_type": _varchar(100),
        "description": _NULL_TEXT,
        "status": _varchar(50, "offline"),
        "capabilities": _LIST,
        "endpoint_url": _NULL_TEXT,
        "metadata": _OBJECT,
        "performance_metrics": _OBJECT,
        "health_status": _varchar(50, "unknown"),
        "last_health_check": _NULL_TIME,
        "tasks_processed_count": ("bigint", 0),
        "average_processing_time": ("bigint", 0),
        "total_processing_time": ("bigint", 0),
        "last_action_at": _NULL_TIME,
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "tasks": {
        "id": _UUID,
        "context_id": _UUID,
        "kind": _varchar(20, "task"),
        "name": _varchar(255),
        "description": _NULL_TEXT,
        "task_type": _varchar(100, "generic"),
        "category": _varchar(100, "user_assigned"),
        "priority": _varchar(20, "medium"),
        "status": _varchar(32, "submitted"),
        "status_message": _NULL_TEXT,
        "status_timestamp": _TIME,
        "history": _LIST,
        "artifacts": _LIST,
        "metadata": _OBJECT,
        "context": _OBJECT,
        "parameters": _OBJECT,
        "outcome": ("jsonb", None),
        "logs": _LIST,
        "sub_tasks": _LIST,
        "dependencies": _LIST,
        "triggers": _LIST,
        "required_capabilities": _LIST,
        "user_id": _NULL_UUID,
        "assigned_agent_id": _NULL_UUID,
        "progress": ("smallint", 0),
        "estimated_duration": ("bigint", None),
        "actual_duration": ("bigint", None),
        "auto_retry": ("boolean", True),
        "max_retries": ("integer", 3),
        "current_retries": ("integer", 0),
        "user_approval_required": ("boolean", False),
        "user_notifications": ("boolean", True),
        "source_identifier": _varchar(255, None),
        "source_metadata": _OBJECT,
        "created_at": _TIME,
        "updated_at": _TIME,
        "started_at": _NULL_TIME,
        "completed_at": _NULL_TIME,
    },
    "task_transitions": {
        "id": ("bigint", int),
        "task_id": ("uuid",),
        "from_status": _varchar(32, None),
        "to_status": _varchar(32),
        "message": _NULL_TEXT,
        "changed_by": _varchar(255, None),
        "changed_at": _TIME,
    },
    "engrams": {
        "id": _UUID,
        "wallet_address": _varchar(255),
        "engram_type": _varchar(20),
        "key": _varchar(255),
        "tags": _TAGS,
        "content": ("jsonb",),
        "summary": _NULL_TEXT,
        "version": ("integer", 1),
        "parent_id": _NULL_UUID,
        # NULL where no trigger ran; the trigger makes it the engram's own id.
        "lineage_root_id": _NULL_UUID,
        "is_public": ("boolean", False),
        "is_mintable": ("boolean", False),
        "nft_token_id": _varchar(255, None),
        "price_mon": ("numeric(18,8)", None),
        "royalty_percent": ("smallint", 5),
        "priority": ("integer", 0),
        "ttl_seconds": ("integer", None),
        "created_by": _varchar(255, None),
        "created_at": _TIME,
        "updated_at": _TIME,
        "accessed_at": _TIME,
    },
    "engram_history": {
        "id": _UUID,
        "engram_id": ("uuid",),
        "version": ("integer",),
        "content": ("jsonb",),
        "summary": _NULL_TEXT,
        "tags": _TAGS,
        "changed_by": _varchar(255, None),
        "change_reason": _varchar(255, None),
        "created_at": _TIME,
    },
    "ops_actions": {
        "id": ("bigint", int),
        "actor": _varchar(255),
        "action": _varchar(100),
        "target_table": _varchar(255),
        "target_id": _varchar(255),
        "detail": _OBJECT,
        "at": _TIME,
    },
}

#: A row that names the required columns only, as JSON has it.
REQUIRED: dict[str, dict[str, Any]] = {
    "user_references": {"source_identifier": "0xabc", "network": "ethereum"},
    "agents": {"name": "hecate", "agent_type": "orchestrator"},
    "tasks": {"name": "look"},
    "task_transitions": {"task_id": str(UUID(int=1)), "to_status": "working"},
    "engrams": {"wallet_address": "0xabc", "engram_type": "persona", "key": "a.b.c", "content": {"a": 1}},
    "engram_history": {"engram_id": str(UUID(int=2)), "version": 1, "content": {"a": 1}},
    "ops_actions": {"actor": "ann", "action": "cancel", "target_table": "tasks", "target_id": "1"},
}
