"""Answers the probes before anything else of a request: a kubelet asks by http, for an address that is no host name."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

from nullstore.probes import views

PATHS = {"/livez": views.live, "/readyz": views.ready, "/metrics": views.metrics}


class ProbesMiddleware:
    """Has to be the first: no host check, no redirect to https, no session, no database of the others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = PATHS.get(request.path_info)
        if view is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            response = views.plain("Only GET and HEAD.\n", 405)
            response["Allow"] = "GET, HEAD"
        else:
            response = _answer(view, request)
        # Whoever asks every few seconds has the answer; Django would log each 503 as an error.
        response._has_been_logged = True  # type: ignore[attr-defined]
        response["Content-Length"] = str(len(response.content))
        if request.method == "HEAD":
            response.content = b""
        return response


def _answer(view: Callable[[HttpRequest], HttpResponse], request: HttpRequest) -> HttpResponse:
    try:
        return view(request)
    except SuspiciousOperation:  # of the query string; Django's own page about that would read it, too
        return views.plain("Too many parameters.\n", 400)
