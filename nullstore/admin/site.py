"""The admin site: the start page, and the pages that belong to no table."""

from importlib import import_module
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver

from nullstore import conf

#: Packages with a function `urls()` that gives addresses below /admin/, in the namespace of the site.
PAGES: Final = ("nullstore.admin.replication",)


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

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from nullstore.admin.start import overview  # noqa: PLC0415 - needs the models, which are not there yet

        return super().index(request, {**overview(request), **(extra_context or {})})
