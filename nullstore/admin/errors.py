"""Pages about what went wrong: in the frame, without a database if need be, and without saying more than is good."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token

from nullstore import conf
from nullstore.admin import outage, staff
from nullstore.admin.frame import may_see_replication
from nullstore.databases import EREBUS
from nullstore.door.gate import is_verified
from nullstore.exceptions import DatabaseUnavailable

_TEMPLATE: Final = "admin/nullstore/error.html"
#: Seconds after which it makes sense to try again.
_RETRY: Final = 10


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400. What was wrong is in the log: it may be what somebody tried out."""
    return _page(request, 400, "Bad request", "The server cannot do anything with what the browser sent.")


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return _page(
        request,
        403,
        "Not allowed",
        "Your account may not do this. Whoever looks after accounts can change its groups and permissions.",
    )


@requires_csrf_token
def forgery(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without this session's token."""
    return _page(
        request,
        403,
        "The form has expired",
        "It was made for another session, or the browser keeps no cookies. Nothing was changed: go back, reload the "
        "page and send it again.",
    )


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    said = exception.args[0] if isinstance(exception, Http404) and exception.args else ""
    text = said if isinstance(said, str) and said else "There is no page at this address."
    return _page(request, 404, "Page not found", text)


@requires_csrf_token
def failed(request: HttpRequest) -> HttpResponse:
    """500. The traceback is in the server's log."""
    return _page(
        request, 500, "Server error", "An error of the console itself: the server's log says which. Nothing was saved."
    )


def unavailable(request: HttpRequest, missing: list[str]) -> HttpResponse:
    """503: the databases of these aliases do not answer; none: one did not, and does again."""
    _settle_user(request, missing)
    places = _places(request, missing) if _is_staff(request) else {}
    title = f"{' and '.join(missing)} {'does' if len(missing) == 1 else 'do'} not answer" if places else "Out of order"
    text = (
        "A database that this page needs does not answer."
        if missing
        else "The connection to a database was lost while this page was made. It answers again: reload the page."
    )
    return _page(request, 503, title, text, missing=places, retry=request.method == "GET")


def read_only(request: HttpRequest) -> HttpResponse:
    """503 for a change that somebody wants to make whom erebus cannot confirm."""
    text = (
        f"{EREBUS} does not answer. It holds the accounts and the log of what staff do, so nothing can be changed "
        "until it is back; you can only look at what is in agents. Nothing was changed."
    )
    return _page(request, 503, "Nothing can be changed now", text, missing=_places(request, [EREBUS]))


def logged_out(request: HttpRequest) -> HttpResponse:
    """503 for who logs out while erebus does not answer: the cookie goes, and this process takes it no more."""
    staff.leave(request.session.session_key or "")
    request.user = AnonymousUser()
    text = "This browser has no session any more. The database that holds it does not answer, and could not be told."
    response = _page(request, 503, "Logged out here", text)
    response.delete_cookie(settings.SESSION_COOKIE_NAME, path=settings.SESSION_COOKIE_PATH)
    return response


def too_slow(request: HttpRequest) -> HttpResponse:
    """503: a statement was stopped at its time limit."""
    text = "What this page asks of the database takes longer than it may. Narrow it down: fewer rows, a shorter time."
    return _page(request, 503, "This took too long", text, retry=request.method == "GET")


def too_many_logins(request: HttpRequest, ends: datetime | None, seconds: int) -> HttpResponse:
    """429 for who has failed to log in too often; `seconds` is how long that lasts."""
    request.user = AnonymousUser()
    until = f"until {ends + timedelta(minutes=1):%H:%M} UTC" if ends else f"for {ceil(seconds / 60)} minutes"
    text = (
        f"Too many logins from here have failed: no more are looked at {until}, not even with the right password. "
        "A superuser can unlock it in the console (Access attempts), and whoever looks after the server can with "
        "manage.py axes_reset_username NAME, or axes_reset_ip ADDRESS."
    )
    response = _page(request, 429, "Locked out", text)
    response.headers["Retry-After"] = str(seconds)
    return response


def _page(request: HttpRequest, status: int, title: str, text: str, **more: Any) -> HttpResponse:
    around = _around(request)
    context = {**around, "title": title, "subtitle": None, "text": text, "status": status, **more}
    context["no_way_in"] = conf.admin_is_hidden() and not around["has_permission"] and not _is_inside(request)
    response = HttpResponse(render_to_string(_TEMPLATE, context, request), status=status)
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY)
    return response


def _around(request: HttpRequest) -> dict[str, Any]:
    """Return what the admin's template wants: all of it for staff, little for others or if it cannot be had."""
    try:
        if _is_staff(request):
            return admin.site.each_context(request)
    except Exception:  # an error page is no place for another error
        request.user = AnonymousUser()
    return {"site_header": admin.site.site_header, "site_title": admin.site.site_title, "has_permission": False}


def _is_inside(request: HttpRequest) -> bool:
    return request.path.startswith(f"/{conf.admin_path()}")


def _is_staff(request: HttpRequest) -> bool:
    try:
        # A request that was refused early has no user.
        return hasattr(request, "user") and request.user.is_active and request.user.is_staff and is_verified(request)
    except (DatabaseError, DatabaseUnavailable):
        request.user = AnonymousUser()
        return False


def _places(request: HttpRequest, aliases: list[str]) -> dict[str, str]:
    """Return where each of these databases is, "" for those who may not see that."""
    may_see = may_see_replication(request)
    return {alias: outage.address(alias) if may_see else "" for alias in aliases}


def _settle_user(request: HttpRequest, missing: list[str]) -> None:
    """Have no part of the page ask erebus about the person."""
    if EREBUS in missing and hasattr(request, "session"):
        recalled: Any = staff.recall(request.session.session_key) or AnonymousUser()
        request.user = recalled
