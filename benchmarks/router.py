"""What a routing decision costs, beside Django's own machinery with no router at all.

python -m benchmarks.router [--json]. Bound: below 1 microsecond for a decision of ours. Needs no server.
"""

import os
import sys

import django
from django.db.utils import ConnectionRouter

from benchmarks.measure import Result, measure, report

BOUND_NS = 1000


def run() -> list[Result]:
    from agents_app.models import Task, UserReference
    from nullstore.router import HomeRouter

    ours, django_alone, django_with_ours = HomeRouter(), ConnectionRouter([]), ConnectionRouter([HomeRouter()])
    task, user = Task(), UserReference()
    return [
        measure("HomeRouter.db_for_read", lambda: ours.db_for_read(Task)),
        measure("HomeRouter.db_for_write", lambda: ours.db_for_write(Task)),
        measure("HomeRouter.allow_relation", lambda: ours.allow_relation(task, user)),
        measure("HomeRouter.allow_migrate", lambda: ours.allow_migrate("agents", "agents_app")),
        measure("django.db.router.db_for_read, no router", lambda: django_alone.db_for_read(Task)),
        measure("django.db.router.db_for_read, HomeRouter", lambda: django_with_ours.db_for_read(Task)),
    ]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    django.setup()
    results = run()
    report(results)
    slow = [result.name for result in results if result.name.startswith("HomeRouter") and result.median >= BOUND_NS]
    if slow:
        sys.exit(f"not below {BOUND_NS} ns: {', '.join(slow)}")
