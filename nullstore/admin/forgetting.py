"""Has nullstore.admin.staff forget people whom this process sees log out, change or lose a permission."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.http import HttpRequest

from nullstore.admin import staff


def connect() -> None:
    """Listen for what ends or narrows what a person may see. The next page confirms whoever may still see it."""
    user_logged_out.connect(_logged_out, dispatch_uid="nullstore.staff")
    for signal in (post_save, post_delete):
        signal.connect(_changed, sender=User, dispatch_uid="nullstore.staff")
    post_delete.connect(_second_factor_removed, sender="door.TotpDevice", dispatch_uid="nullstore.staff")
    for membership in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(_permissions_changed, sender=membership, dispatch_uid="nullstore.staff")
    post_delete.connect(_permissions_changed, sender=Group, dispatch_uid="nullstore.staff")


def _logged_out(request: HttpRequest, **kwargs: Any) -> None:
    if request.session.session_key:
        staff.forget(request.session.session_key)


def _changed(instance: User, **kwargs: Any) -> None:
    staff.forget_person(instance.pk)


def _second_factor_removed(instance: Any, **kwargs: Any) -> None:
    staff.forget_person(instance.user_id)


def _permissions_changed(**kwargs: Any) -> None:
    staff.forget_all()
