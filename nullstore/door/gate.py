"""The one question that every page asks: has who sends this request shown the second factor?"""

from typing import Any, Final

from django.apps import apps
from django.http import HttpRequest

from nullstore import conf
from nullstore.admin.staff import Recalled

_IN_SESSION: Final = "nullstore_two_factor"
_ON_REQUEST: Final = "nullstore_verified"


def is_verified(request: HttpRequest) -> bool:
    """Return True if two-factor is off, or this session has shown a code of the device that the person has now.

    Asks erebus once for a request. Who is recalled from before an outage was verified then.
    """
    if not conf.two_factor():
        return True
    user: Any = request.user
    if isinstance(user, Recalled):
        return True
    known: tuple[Any, bool] | None = getattr(request, _ON_REQUEST, None)
    if known is None or known[0] != user.pk:
        known = (user.pk, _asked(request, user))
        setattr(request, _ON_REQUEST, known)
    return known[1]


def _asked(request: HttpRequest, user: Any) -> bool:
    device = request.session.get(_IN_SESSION)
    if device is None or user.pk is None:
        return False
    return bool(apps.get_model("door.TotpDevice").objects.filter(pk=device, user_id=user.pk).exists())


def let_in(request: HttpRequest, device: Any) -> None:
    """Note in the session that the second factor was shown. The session gets a new key, as after a login."""
    request.session.cycle_key()
    request.session[_IN_SESSION] = str(device.pk)
    setattr(request, _ON_REQUEST, (request.user.pk, True))
