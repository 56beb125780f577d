"""The site, and beside it the stock admin that it is compared with."""

from django.urls import path

from benchmarks.admin.stock import SITE
from nullstore.urls import urlpatterns as ours

urlpatterns = [*ours, path("stock/", SITE.urls)]
