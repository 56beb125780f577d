"""The admin is the site."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from nullstore import conf

# Which installation one is looking at, on every page.
admin.site.site_header = f"nullstore · {conf.environment()}"
admin.site.site_title = "nullstore"
admin.site.index_title = "Two databases"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
