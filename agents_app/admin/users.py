"""The read-only replica of erebus' users."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from agents_app.models import UserReference
from nullstore.admin.identity import IdentityColumns
from nullstore.admin.lists.filters import TimeWindow
from nullstore.admin.neighbours import may_view
from nullstore.admin.readonly import ReplicaAdmin
from nullstore.admin.sections import Sections
from nullstore.admin.usertasks import tasks_section


@admin.register(UserReference)
class UserReferenceAdmin(IdentityColumns, ReplicaAdmin):
    change_list_template = "admin/agents_app/userreference/change_list.html"
    # By anything else users are filtered at their source: here each index costs replication a write.
    list_filter = (("created_at", TimeWindow),)
    search_help_text = (
        "An id, source identifier or e-mail address, or the beginning of one. An e-mail address as it is written, or "
        "in lower case; the list of users in erebus finds it in any."
    )

    def matching_email(self, text: str) -> Q:
        return Q(email__startswith=text) | Q(email__startswith=text.lower())

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        tasks = [tasks_section(obj.pk)] if may_view(request, "agents_app.Task") else []
        return [*super().sections_below(request, obj), *tasks]
