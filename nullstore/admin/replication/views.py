"""The views of the replication page. The admin site lets only staff get here."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nullstore.admin.frame import may_see_replication
from nullstore.admin.replication import runs, shown, verifying
from nullstore.admin.replication.codes import entries
from nullstore.admin.watching import Look, watch
from nullstore.exceptions import NullstoreError
from nullstore.replication.health.facts import Unreachable

_TEMPLATES: Final = "admin/nullstore/replication"
#: Seconds that a page, and an answer of JSON, waits for the servers before it does without them.
_PAGE, _JSON = 4.0, 5.0
_BEGUN: Final = "The comparison has begun. It goes on in the background; this page shows how it ends."
_NOT_KNOWN_TO_HAVE_BEGUN: Final = (
    "The comparison was asked for. The databases are slow, and it is not known yet whether it has begun: once it has, "
    "this page shows it. If it cannot, the server's log says why."
)


def for_those_who_may_see(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return `view`, for those alone who may see how replication is."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not may_see_replication(request):
            raise PermissionDenied
        return view(request)

    return guarded


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show how replication is now; complete without any script."""
    look = watch.look(_PAGE)
    context = {
        **admin.site.each_context(request),
        "title": "Replication",
        "parts": shown.live_parts(look),
        "slow": shown.slow(look),
        "verification": _verification(look),
        "may_verify": _answers(look) and _may_verify(request),
    }
    return TemplateResponse(request, f"{_TEMPLATES}/page.html", context)


@never_cache
@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Say as JSON how replication is; `html` has the parts of the page that change, by name."""
    look = watch.look(_JSON)
    html = {**shown.live_parts(look), "verification": _verification(look)}
    return JsonResponse({**shown.answer(look), "html": html})


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Start a comparison of all rows in the background, and go back to the page with what came of it."""
    if not _may_verify(request):
        raise PermissionDenied
    try:
        begun = verifying.start(request.user.get_username())
    except NullstoreError as error:
        messages.error(request, str(error))
    else:
        tell, text = (messages.success, _BEGUN) if begun else (messages.warning, _NOT_KNOWN_TO_HAVE_BEGUN)
        tell(request, text)
    return HttpResponseRedirect(f"{reverse('admin:replication')}#verification")


@require_safe
def codes(request: HttpRequest) -> HttpResponse:
    """Explain every code that a problem can have."""
    context = {**admin.site.each_context(request), "title": "Replication: what each code means", "codes": entries()}
    return TemplateResponse(request, f"{_TEMPLATES}/codes.html", context)


def _may_verify(request: HttpRequest) -> bool:
    opts = apps.get_model(runs.MODEL)._meta
    return request.user.has_perm(f"{opts.app_label}.{get_permission_codename('add', opts)}")


def _answers(look: Look | None) -> bool:
    """Tell whether erebus, which records comparisons and knows permissions, has just answered."""
    return look is not None and not isinstance(look.health.publisher, Unreachable)


def _verification(look: Look | None) -> str:
    """Return the HTML of what is known of the last comparison."""
    known: dict[str, Any] = {"missing": not _answers(look)}
    if not known["missing"]:
        try:
            known["last"] = runs.last_run()
        except DatabaseError:
            known["missing"] = True
    return render_to_string(f"{_TEMPLATES}/verification.html", known)
