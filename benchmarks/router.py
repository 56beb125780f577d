"""What a routing decision costs, beside Django's own machinery with no router at all. Bound: below 1 microsecond."""

from benchmarks.measure import Figure, Outcome, Ratio, measure

BOUND_NS = 1000


def run() -> Outcome:
    """Time the decisions of ours, and Django's way to them; needs Django set up, and no server."""
    ours, django = _decisions(), _through_django()
    alone, routed = django
    ratios = [Ratio(f"{figure.name}, ns", figure.median, most=BOUND_NS) for figure in ours]
    ratios.append(Ratio("Django's router with HomeRouter / without any", routed.median / alone.median))
    return Outcome(
        figures=[*ours, *django],
        ratios=ratios,
        notes=[f"HomeRouter adds {routed.median - alone.median:.0f} ns to each query that asks Django's router."],
    )


def _decisions() -> list[Figure]:
    from agents_app.models import Task, UserReference
    from nullstore.router import HomeRouter

    ours, task, user = HomeRouter(), Task(), UserReference()
    return [
        measure("HomeRouter.db_for_read", lambda: ours.db_for_read(Task)),
        measure("HomeRouter.db_for_write", lambda: ours.db_for_write(Task)),
        measure("HomeRouter.allow_relation", lambda: ours.allow_relation(task, user)),
        measure("HomeRouter.allow_migrate", lambda: ours.allow_migrate("agents", "agents_app")),
    ]


def _through_django() -> tuple[Figure, Figure]:
    from django.db.utils import ConnectionRouter

    from agents_app.models import Task
    from nullstore.router import HomeRouter

    alone, routed = ConnectionRouter([]), ConnectionRouter([HomeRouter()])
    return (
        measure("django.db.router.db_for_read, no router", lambda: alone.db_for_read(Task)),
        measure("django.db.router.db_for_read, HomeRouter", lambda: routed.db_for_read(Task)),
    )
