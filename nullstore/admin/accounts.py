"""The accounts of staff."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest


class StaffAdmin(UserAdmin):
    """Accounts are deactivated, not deleted: the admin's log of what somebody did would go with the account."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def register() -> None:
    """Take the place of Django's own admin of accounts."""
    admin.site.unregister(User)
    admin.site.register(User, StaffAdmin)
