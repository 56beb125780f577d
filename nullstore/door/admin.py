"""Failed logins and second factors, as superusers see them: to look at, to unlock, to take away. Never a secret."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from nullstore import conf
from nullstore.actor import Actor
from nullstore.admin.lists.filters import TimeWindow
from nullstore.admin.readonly import ReadOnlyAdmin
from nullstore.admin.rowactions import RowAction
from nullstore.admin.show import list_url
from nullstore.door import devices
from nullstore.door.attempts import forget_address_if_locked, forget_name
from nullstore.door.models import TotpDevice
from nullstore.exceptions import ActionRefused


class Unlock(RowAction):
    name = "unlock"
    label = "Unlock"
    done = "Unlocked"
    question = (
        "What was counted against this name is forgotten, wherever it was tried. Where so many names were tried from "
        "this address that it is locked as a whole, that is forgotten, too."
    )
    permission = "axes.delete_accessattempt"
    # A list that nobody edits takes no form.
    bulk = False

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str:
        attempt = AccessAttempt.objects.filter(pk=row_id).first()
        if attempt is None:
            raise ActionRefused("It is not counted any more.")
        # The address first: of what is counted against it, the name has a part.
        whole_address = forget_address_if_locked(attempt.ip_address)
        forget_name(attempt.username)
        unlocked = f"{attempt.username} may be tried again"
        return f"{unlocked}, and so may every name at {attempt.ip_address}." if whole_address else f"{unlocked}."


class RemoveDevice(RowAction):
    name = "remove"
    label = "Remove"
    done = "Removed"
    question = (
        "The person's sessions are asked for a second factor again, and a new app has to be set up at the next page."
    )
    permission = "door.delete_totpdevice"
    dangerous = True
    bulk = False

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> None:
        device = TotpDevice.objects.filter(pk=row_id).first()
        by = apps.get_model("auth.User")._default_manager.get_by_natural_key(actor.name)
        if device is None or not devices.remove(device.user_id, by.pk, actor.reason):
            raise ActionRefused("It is not there any more.")


class VanishingRows(ReadOnlyAdmin):
    """Rows that are gone once something was done to them: the list is shown then, not a page that says so."""

    def answer(self, request: HttpRequest, action: type[RowAction], row: Any) -> HttpResponse:
        answer = super().answer(request, action, row)
        if answer.status_code == 302 and not self.model._default_manager.filter(pk=row.pk).exists():
            return HttpResponseRedirect(list_url(self.opts.label))
        return answer


class AttemptAdmin(VanishingRows):
    """What is counted now."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_ids = ()
    ordering = ("-id",)
    sortable = ()
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")
    row_actions = (Unlock,)


class FailureAdmin(ReadOnlyAdmin):
    """What was kept: `manage.py axes_reset_failure_logs --age DAYS` removes old ones."""

    list_display = ("attempt_time", "username", "ip_address", "locked_out")
    list_filter = (("attempt_time", TimeWindow),)
    search_ids = ()
    ordering = ("-id",)
    sortable = ()
    fields = ("attempt_time", "username", "ip_address", "user_agent", "locked_out")


class DeviceAdmin(VanishingRows):
    """Who has a second factor."""

    list_display = ("user", "created_at", "last_used_at", "throttling_failure_count", "codes_left")
    list_select_related = ("user",)
    search_ids = ()
    ordering = ("-id",)
    sortable = ()
    fields = ("user", "created_at", "last_used_at", "throttling_failure_count", "codes_left")
    row_actions = (RemoveDevice,)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return conf.two_factor() and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return conf.two_factor() and super().has_module_permission(request)

    @admin.display(description="recovery codes left")
    def codes_left(self, device: TotpDevice) -> int:
        return int(device.codes_left)


def register() -> None:
    """Take the place of the admins that the packages bring, which show more."""
    admin.site.register(AccessAttempt, AttemptAdmin)
    admin.site.register(AccessFailureLog, FailureAdmin)
    admin.site.register(TotpDevice, DeviceAdmin)
