"""The admin is the site."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

admin.site.site_header = "nullstore"
admin.site.site_title = "nullstore"
admin.site.index_title = "Two databases"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
