"""Where an engram comes from, and what was forked from it."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connections, router

from agents_app.models import Engram

#: How far up and down the tree is followed, and how many forks it shows.
ANCESTORS: Final = 20
GENERATIONS: Final = 3
FORKS: Final = 50

# Both stop at a circle, which parent_id does not exclude. Without an order, LIMIT ends the recursion early.
_ANCESTORS: Final = """
    WITH RECURSIVE up AS (
        SELECT id, parent_id, 0 AS distance, ARRAY[id] AS path FROM engrams WHERE id = %(id)s
        UNION ALL
        SELECT engram.id, engram.parent_id, up.distance + 1, up.path || engram.id
        FROM up JOIN engrams AS engram ON engram.id = up.parent_id
        WHERE engram.id <> ALL (up.path) AND up.distance <= %(ancestors)s
    )
    SELECT id FROM up WHERE distance > 0 ORDER BY distance
"""
_FORKS: Final = """
    WITH RECURSIVE down AS (
        SELECT id, 0 AS distance, ARRAY[id] AS path FROM engrams WHERE id = %(id)s
        UNION ALL
        SELECT engram.id, down.distance + 1, down.path || engram.id
        FROM down JOIN engrams AS engram ON engram.parent_id = down.id
        WHERE engram.id <> ALL (down.path) AND down.distance < %(generations)s
    )
    SELECT id FROM down WHERE distance > 0 LIMIT %(forks)s
"""


@dataclass
class Node:
    """An engram of the tree, with its forks."""

    engram: Engram
    is_current: bool = False
    forks: list["Node"] = field(default_factory=list)


@dataclass
class Lineage:
    """The tree, from its topmost ancestor that is shown, and what it leaves out."""

    root: Node
    has_more_ancestors: bool
    has_more_forks: bool

    @property
    def is_alone(self) -> bool:
        return self.root.is_current and not self.root.forks


def lineage(engram: Engram) -> Lineage:
    """Return the ancestors of `engram` and its forks, a bounded number of either."""
    above = _ids(_ANCESTORS, engram.pk, ancestors=ANCESTORS)
    below = _ids(_FORKS, engram.pk, generations=GENERATIONS, forks=FORKS + 1)
    shown = [*above[:ANCESTORS], *below[:FORKS]]
    columns = ("key", "version", "wallet_address", "is_public", "parent_id", "created_at", "created_by")
    nodes = {each.pk: Node(each) for each in Engram.objects.filter(pk__in=shown).only(*columns)}
    top = nodes[engram.pk] = Node(engram, is_current=True)
    for key in sorted(set(below[:FORKS]) & nodes.keys(), key=lambda key: nodes[key].engram.created_at):
        parent_id = nodes[key].engram.parent_id
        if parent_id in nodes:
            nodes[parent_id].forks.append(nodes[key])
    for key in above[:ANCESTORS]:
        # One that was deleted between the two statements is left out.
        if key in nodes and key not in below:
            nodes[key].forks = [top]
            top = nodes[key]
    return Lineage(top, len(above) > ANCESTORS, len(below) > FORKS)


def _ids(statement: str, engram_id: UUID, **bounds: int) -> list[UUID]:
    with connections[router.db_for_read(Engram)].cursor() as cursor:
        cursor.execute(statement, {"id": engram_id, **bounds})
        return [key for (key,) in cursor.fetchall()]
