"""Limits to how long a request may keep a database, and a database a request."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

from nullstore import conf
from nullstore.databases import ALIASES

#: For each statement of a request, as PostgreSQL spells them. Parts of pages have shorter ones of their own.
STATEMENT: Final = "10s"
LOCK: Final = "5s"
_SET: Final = "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)"
_RESET: Final = "RESET statement_timeout; RESET lock_timeout"

#: Commands and threads have no limits: a migration or a comparison takes as long as it takes.
_serving: ContextVar[bool] = ContextVar("nullstore_serving", default=False)


class LimitsMiddleware:
    """Has the connections that are made for a request give up in time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        connection_created.connect(_limit, dispatch_uid="nullstore.limits")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _serving.set(True)
        try:
            return self.get_response(request)
        finally:
            _serving.reset(token)


def _limit(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    # Behind a pooler it would be set for whoever gets that session next; there the pooler sets it for all of them.
    if connection.alias not in ALIASES or conf.behind_transaction_pooler():
        return
    if _serving.get():
        with connection.cursor() as cursor:
            cursor.execute(_SET, [STATEMENT, LOCK])
    elif getattr(connection, "pool", None):
        # A request may have had it before.
        with connection.cursor() as cursor:
            cursor.execute(_RESET)
