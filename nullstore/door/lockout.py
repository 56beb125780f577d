"""The answer to who has failed to log in too often."""

from math import ceil
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from nullstore import conf
from nullstore.admin import errors
from nullstore.door.attempts import LoginAttempts


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """429, the same for names that exist and that do not."""
    try:
        ends = LoginAttempts().ends_at(request, credentials)
    except DatabaseError:  # it went away meanwhile
        ends = None
    seconds = (ends - timezone.now()).total_seconds() if ends else conf.login_cooloff() * 60
    return errors.too_many_logins(request, ends, ceil(max(seconds, 1)))
