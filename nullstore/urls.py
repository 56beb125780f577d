"""The admin is the site."""

from django.contrib import admin
from django.contrib.staticfiles.storage import staticfiles_storage
from django.urls import path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # Browsers ask for it on pages that are not ours: JSON, and Django's own about an error while DEBUG is on.
    path("favicon.ico", RedirectView.as_view(url=staticfiles_storage.url("nullstore/favicon.svg"))),
    path("admin/", admin.site.urls),
]

handler400 = "nullstore.admin.errors.bad_request"
handler403 = "nullstore.admin.errors.forbidden"
handler404 = "nullstore.admin.errors.not_found"
handler500 = "nullstore.admin.errors.failed"
