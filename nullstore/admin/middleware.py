"""Keeps pages possible while one of the databases does not answer."""

import time
from collections.abc import Callable
from typing import Any

from django.contrib import admin, auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.base import SessionBase
from django.db import DatabaseError, connections, router
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from nullstore.admin import errors, outage, staff
from nullstore.admin.lists.timeouts import timed_out
from nullstore.admin.refusals import SAFE_METHODS
from nullstore.databases import EREBUS
from nullstore.door.gate import is_verified
from nullstore.exceptions import DatabaseUnavailable
from nullstore.locks import is_locked_out

_ASKED = "nullstore_asked"


class UnreadableSession(SessionBase):
    """The session of somebody who is recalled: erebus has its contents. Keeps its key, hence its cookie."""

    def load(self) -> dict[str, Any]:
        return {}

    def save(self, must_create: bool = False) -> None:
        """Do nothing: a session is saved in erebus."""


class StaffMiddleware(AuthenticationMiddleware):
    """Asks erebus who sends a request; while it does not answer, nullstore.admin.staff."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _who(request))  # type: ignore[assignment]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        user, asked = getattr(request, _ASKED, (None, 0.0))
        key = request.session.session_key
        if user is not None and key and _is_staff(user) and _verified(request):
            try:
                staff.confirm(key, user, asked)
                # Pages of agents name them, and erebus has them. Asks for those that this process does not know yet.
                ContentType.objects.get_for_models(*admin.site._registry)
            except DatabaseError:  # it went away meanwhile; the page is there
                pass
        return response


def _who(request: HttpRequest) -> Any:
    """Return who sends the request. Raises DatabaseUnavailable if erebus does not answer and it was nobody known."""
    key = request.session.session_key
    if key is None or staff.has_left(key):
        return AnonymousUser()
    if not outage.fails(EREBUS):
        try:
            return _asked(request, key)
        except DatabaseError as error:
            if not outage.is_outage(error) or not outage.look((EREBUS,)):
                raise
    recalled = staff.recall(key)
    if recalled is None:
        raise DatabaseUnavailable(f"{EREBUS} does not answer, and cannot be asked who this is.")
    request.session = UnreadableSession(key)
    return recalled


def _asked(request: HttpRequest, key: str) -> Any:
    asked = time.monotonic()
    user = auth.get_user(request)
    setattr(request, _ASKED, (user, asked))
    if not _is_staff(user):
        staff.forget(key)
    return user


def _verified(request: HttpRequest) -> bool:
    """Whoever has shown a password only is not to be believed during an outage."""
    try:
        return is_verified(request)
    except DatabaseError:
        return False


def _is_staff(user: Any) -> bool:
    return bool(user.is_active and user.is_staff)


class OutageMiddleware:
    """Answers with a page that names the database and what to do, where Django would answer with an error page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuse what cannot be done, before it waits or is half done."""
        if request.method not in SAFE_METHODS and (refused := self._refused(request)):
            return refused
        model_admin = getattr(view, "model_admin", None)
        if model_admin and outage.fails(home := router.db_for_read(model_admin.model)):
            return errors.unavailable(request, [home])
        return None

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        try:
            recalled = isinstance(request.user, staff.Recalled)
        except (DatabaseError, DatabaseUnavailable) as error:
            return self.process_exception(request, error)
        if not recalled:
            return None
        leaves = request.resolver_match is not None and request.resolver_match.view_name == "admin:logout"
        return errors.logged_out(request) if leaves else errors.read_only(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return a page for an outage or a statement that took too long; None for any other error."""
        if isinstance(error, DatabaseError) and (timed_out(error) or is_locked_out(error)):
            return errors.too_slow(request)
        if not outage.is_outage(error):
            return None
        missing = outage.look()
        # The page about it must not speak through what is broken.
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()
        return errors.unavailable(request, missing)
