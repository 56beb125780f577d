"""The replication page: both ends, the verdict and what mends it, live; and the comparison of all rows.

It shows and explains. The one thing that it starts is a comparison, which changes nothing.
"""

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from nullstore.admin.replication import views


def urls() -> list[URLPattern]:
    """Return the addresses below the admin, in the namespace of the admin site. For staff who may see replication."""

    def looking(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
        return admin.site.admin_view(views.for_those_who_may_see(view))

    return [
        path("replication/", looking(views.page), name="replication"),
        path("replication/status.json", looking(views.status), name="replication_status"),
        path("replication/verify/", admin.site.admin_view(views.verify), name="replication_verify"),
        path("replication/codes/", looking(views.codes), name="replication_codes"),
    ]
