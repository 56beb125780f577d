"""Views to which secrets and passwords are sent."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables


def guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return `view` with everything hidden that a crash report would tell: what was sent, and all variables below.

    To be put around the admin's own wrapper, which asks the database who is logged in: that may crash already.
    """

    @sensitive_post_parameters()
    @sensitive_variables()
    @wraps(view)
    def view_with_secrets(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # Not left to the handler: the form that is shown again holds what was typed.
        return response.render() if isinstance(response, SimpleTemplateResponse) else response

    return view_with_secrets
