"""How old a replica is, from one cheap question to the subscriber: not the verdict, which the header has."""

from dataclasses import dataclass
from typing import Any

from django.db import connections, models

from nullstore.admin.show import duration, list_url, row_url
from nullstore.databases import SOURCE_OF_REPLICA, USER_SYNC

# leader_pid, of parallel apply workers, exists from 16 on; relid is that of a worker which copies a table.
_LAST_WORD = """
SELECT w.pid IS NOT NULL,
       extract(epoch FROM clock_timestamp() - nullif(w.last_msg_receipt_time, '-infinity'))::float8 * 1000
FROM pg_stat_subscription AS w
WHERE w.subname = %s AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL
"""


@dataclass(frozen=True, slots=True)
class LastWord:
    """Whether an apply worker keeps the replica, and how long ago it last heard from the publisher (milliseconds)."""

    kept: bool
    milliseconds: float | None

    def __str__(self) -> str:
        if not self.kept:
            return "read-only copy, which is not being kept up to date at the moment: no apply worker is running"
        if self.milliseconds is None:
            return f"read-only copy; its apply worker has not heard from {USER_SYNC.publisher} yet"
        return f"read-only copy, as of {duration(max(self.milliseconds, 0))} ago"


def last_word() -> LastWord:
    """Ask the subscriber. Of a publisher that has nothing to send, the last word is a sign of life, seconds old."""
    with connections[USER_SYNC.subscriber].cursor() as cursor:
        cursor.execute(_LAST_WORD, [USER_SYNC.subscription])
        row = cursor.fetchone()
    return LastWord(*row) if row else LastWord(kept=False, milliseconds=None)


def state_of(model: type[models.Model], key: Any = None) -> dict[str, Any]:
    """Return what the pages of a replica say above everything else; `key` is that of the row, None for the list."""
    source = SOURCE_OF_REPLICA[model._meta.label_lower]
    word = last_word()
    newest = (
        None if word.kept else model._default_manager.order_by("-created_at", "-pk").values_list("created_at").first()
    )
    return {
        "last_word": word,
        "newest": newest[0] if newest else None,
        "edit_in": USER_SYNC.publisher,
        "edit_url": list_url(source) if key is None else row_url(source, key),
    }
