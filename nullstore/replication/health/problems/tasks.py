"""Problems of rows that name a replicated one."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication.health.facts import Orphans, Watched
from nullstore.replication.health.verdict import Problem

_SHOWN, _LISTED = 3, 20


def orphaned(watched: Watched) -> Iterator[Problem]:
    """orphaned_tasks."""
    orphans = watched.orphans
    if orphans is None or not orphans.keys:
        return
    tasks = orphans.tasks
    shown = ", ".join(str(key.key) for key in orphans.keys[:_SHOWN])
    more = " and others" if len(orphans.keys) > _SHOWN else ""
    yield Problem(
        "orphaned_tasks",
        f"{'At least ' if orphans.capped else ''}{tasks:,} tasks name {len(orphans.keys):,} users that neither "
        f"{USER_SYNC.publisher} nor the replica has: {shown}{more}",
        "A writer sent a wrong user, or the triggers that follow deleted users did not act.",
        f"{USER_SYNC.subscriber}: {_mend(orphans)}",
    )


def _mend(orphans: Orphans) -> str:
    if len(orphans.keys) <= _LISTED:
        listed = ", ".join(f"'{key.key}'" for key in orphans.keys)
        return f"UPDATE public.tasks SET user_id = NULL WHERE user_id IN ({listed})"
    return (
        "UPDATE public.tasks AS t SET user_id = NULL WHERE updated_at < now() - interval '1 minute' AND user_id IS NOT "
        "NULL AND NOT EXISTS (SELECT FROM public.user_references AS u WHERE u.id = t.user_id)"
    )
