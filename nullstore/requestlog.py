"""A name for each request, in every line that is logged for it, and one line about the request itself."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("nullstore.request")

#: Of the request that is being served; "" outside of one.
request_id: ContextVar[str] = ContextVar("nullstore_request_id", default="")
HEADER: Final = "X-Request-ID"
_FITS: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_IN_META: Final = "nullstore.request_id"


def id_of(request: object) -> str:
    """Return the id of the request: of the one that is being served, or of this one, of which Django tells later."""
    if found := request_id.get():
        return found
    return str(request.META.get(_IN_META, "")) if isinstance(request, HttpRequest) else ""


class RequestLogMiddleware:
    """Takes the id that a proxy gave, or makes one; sends it back. Query strings, which may hold anything, stay out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent, began = request.headers.get(HEADER, ""), time.monotonic()
        name = request.META[_IN_META] = sent if _FITS.fullmatch(sent) else uuid.uuid4().hex
        token = request_id.set(name)
        try:
            response = self.get_response(request)
            response[HEADER] = name
            _log(request, response.status_code, time.monotonic() - began)
            return response
        finally:
            request_id.reset(token)


def _log(request: HttpRequest, status: int, seconds: float) -> None:
    logger.info(
        "%s %s %s",
        request.method,
        request.path,
        status,
        extra={"method": request.method, "path": request.path, "status": status, "duration_seconds": round(seconds, 4)},
    )
