"""The admin site: the start page, and the pages that belong to no table."""

from importlib import import_module
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse

from nullstore import conf
from nullstore.door.gate import is_verified

#: Packages with a function `urls()` that gives addresses below the admin, in the namespace of the site.
PAGES: Final = ("nullstore.admin.replication", "nullstore.door.addresses")


class ConsoleSite(AdminSite):
    """Says on every page which installation one is looking at."""

    index_title = "Overview"
    site_url = None  # the admin is the site

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.site_title = self.site_header = f"nullstore · {conf.environment()}"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        pages = [address for package in PAGES for address in import_module(package).urls()]
        return [*pages, *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in staff; while two-factor is on, who has shown the second factor."""
        return super().has_permission(request) and is_verified(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead who has given his password already on to the second factor."""
        if request.method == "GET" and super().has_permission(request) and not is_verified(request):
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(f"{reverse('admin:two_factor_code')}{'?' if query else ''}{query}")
        return super().login(request, extra_context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from nullstore.admin.start import overview  # noqa: PLC0415 - needs the models, which are not there yet

        return super().index(request, {**overview(request), **(extra_context or {})})
