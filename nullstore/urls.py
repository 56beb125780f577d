"""The admin is the site."""

from typing import Any

from django.contrib import admin
from django.contrib.staticfiles.storage import staticfiles_storage
from django.urls import path
from django.views.generic import RedirectView

from nullstore import conf


class Favicon(RedirectView):
    """Leads to the icon by the name that it has when somebody asks: collectstatic imports this before there is one."""

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        return staticfiles_storage.url("nullstore/favicon.svg")


urlpatterns = [
    *([] if conf.admin_is_hidden() else [path("", RedirectView.as_view(pattern_name="admin:index"))]),
    # Browsers ask for it on pages that are not ours: JSON, and Django's own about an error while DEBUG is on.
    path("favicon.ico", Favicon.as_view()),
    path(conf.admin_path(), admin.site.urls),
]

handler400 = "nullstore.admin.errors.bad_request"
handler403 = "nullstore.admin.errors.forbidden"
handler404 = "nullstore.admin.errors.not_found"
handler500 = "nullstore.admin.errors.failed"
