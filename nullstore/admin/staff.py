"""Who was logged in when erebus, which holds accounts and sessions, stopped answering.

docs/discussions/outages.md says why this is remembered, for how long, and what the risk is.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.utils.crypto import salted_hmac

#: Seconds since erebus last confirmed a person for which that is believed.
BELIEVED: Final = 15 * 60.0
#: How many people's sessions are remembered at once.
MOST: Final = 1000
#: Seconds after which permissions are read again even by pages that do not need them.
_REREAD: Final = 60.0


@dataclass(frozen=True, slots=True)
class Recalled:
    """A member of staff as erebus last knew him. May look at what he might look at before, and do nothing else."""

    pk: Any
    username: str
    short_name: str
    permissions: frozenset[str] | None  # None: all, a superuser's
    confirmed: float

    is_active = is_staff = is_authenticated = True
    is_anonymous = is_superuser = False

    @property
    def id(self) -> Any:
        return self.pk

    @property
    def age(self) -> float:
        """How many seconds ago erebus last confirmed the person."""
        return time.monotonic() - self.confirmed

    @property
    def minutes_ago(self) -> int:
        return int(self.age / 60)

    @property
    def minutes_left(self) -> int:
        """For how many minutes that is still believed, the one that has begun included."""
        return ceil((BELIEVED - self.age) / 60)

    def get_username(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.short_name

    get_full_name = __str__ = get_username

    def has_usable_password(self) -> bool:
        """Return False: it cannot be changed now."""
        return False

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        looks = permission.partition(".")[2].startswith("view_")
        return looks and (self.permissions is None or permission in self.permissions)

    def has_perms(self, permissions: Any, obj: Any = None) -> bool:
        return all(self.has_perm(permission) for permission in permissions)

    def has_module_perms(self, app_label: str) -> bool:
        return self.permissions is None or any(name.startswith(f"{app_label}.view_") for name in self.permissions)


_lock = threading.Lock()
_known: OrderedDict[str, Recalled] = OrderedDict()
#: Sessions that were ended while erebus could not be told.
_left: OrderedDict[str, None] = OrderedDict()
#: When a session (by name) or a person (by primary key) was last forgotten, in seconds of time.monotonic().
_forgotten: OrderedDict[Any, float] = OrderedDict()
#: When everybody was, or the last of those who are not in _forgotten any more.
_all_forgotten = 0.0


def confirm(session_key: str, user: Any, asked: float) -> None:
    """Remember what erebus said when it was `asked`: this session is that of this active member of staff.

    Not if the person was forgotten since then: what ended meanwhile, erebus did not know yet. The permissions are those
    that the page has read anyway; others are read once a minute.
    """
    name = _name_of(session_key)
    known = _known.get(name)
    if known is None or hasattr(user, "_perm_cache") or time.monotonic() - known.confirmed >= _REREAD:
        known = _recalled(user)
    with _lock:
        if asked <= max(_all_forgotten, *(_forgotten.get(each, 0.0) for each in (name, user.pk))):
            return
        _known[name] = replace(known, confirmed=time.monotonic())
        _known.move_to_end(name)
        while len(_known) > MOST:
            _known.popitem(last=False)


def recall(session_key: str | None) -> Recalled | None:
    """Return whose session it was when erebus last said so, or None if that is too long ago."""
    known = _known.get(_name_of(session_key)) if session_key else None
    return known if known and known.age < BELIEVED else None


def forget(session_key: str) -> None:
    """Forget one session: it has ended."""
    with _lock:
        name = _name_of(session_key)
        _known.pop(name, None)
        _note_forgotten(name)


def leave(session_key: str) -> None:
    """End a session that erebus cannot end now."""
    forget(session_key)
    with _lock:
        _left[_name_of(session_key)] = None
        while len(_left) > MOST:
            _left.popitem(last=False)


def has_left(session_key: str) -> bool:
    """Return whether this session was ended by leave()."""
    return bool(_left) and _name_of(session_key) in _left


def forget_person(key: Any) -> None:
    """Forget all sessions of the person with this primary key."""
    with _lock:
        for name in [name for name, known in _known.items() if known.pk == key]:
            del _known[name]
        _note_forgotten(key)


def forget_all() -> None:
    """Forget everybody."""
    global _all_forgotten  # noqa: PLW0603
    with _lock:
        _known.clear()
        _forgotten.clear()
        _all_forgotten = time.monotonic()


def _note_forgotten(what: Any) -> None:
    global _all_forgotten
    _forgotten[what] = time.monotonic()
    _forgotten.move_to_end(what)
    if len(_forgotten) > MOST:
        _, _all_forgotten = _forgotten.popitem(last=False)


def _name_of(session_key: str) -> str:
    """What a session is remembered under: whoever reads this process's memory gets no key to a session."""
    return salted_hmac("nullstore.admin.staff", session_key, algorithm="sha256").hexdigest()


def _recalled(user: AbstractBaseUser) -> Recalled:
    assert isinstance(user, PermissionsMixin)
    permissions = None if user.is_superuser else frozenset(user.get_all_permissions())
    short_name = getattr(user, "get_short_name", user.get_username)() or user.get_username()
    return Recalled(user.pk, user.get_username(), short_name, permissions, time.monotonic())
