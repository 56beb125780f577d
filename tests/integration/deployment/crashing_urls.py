"""The pages of nullstore and one that fails, with what nobody may read in its reason."""

import warnings

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from nullstore.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]
SECRET = "hunter2secret"


def fail(request: HttpRequest) -> HttpResponse:
    warnings.warn("careless", RuntimeWarning, stacklevel=1)
    raise RuntimeError(f"no way to postgres://somebody:{SECRET}@db/erebus: password={SECRET}")


urlpatterns = [path("crash", fail), path("", include("nullstore.urls"))]
