"""The pages between the password and the console, and the one about one's own device."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import segno
from django.contrib import admin, auth
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from nullstore import conf, encryption
from nullstore.door import devices
from nullstore.door.forms import CodeForm
from nullstore.door.gate import is_verified, let_in
from nullstore.door.models import TotpDevice
from nullstore.exceptions import DecryptionError

_PENDING: Final = "nullstore_two_factor_pending"
_FOLDER: Final = "admin/nullstore/door"

View = Callable[[HttpRequest], HttpResponse]


def for_half_logged_in(view: View) -> View:
    """For staff who have given their password; 404 while two-factor is off, the login for everybody else."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not conf.two_factor():
            raise Http404
        if not (request.user.is_active and request.user.is_staff):
            return HttpResponseRedirect(reverse("admin:login"))
        return view(request)

    return sensitive_post_parameters()(never_cache(guarded))


@for_half_logged_in
def code(request: HttpRequest) -> HttpResponse:
    """Ask for a code; who has no device is led to set one up."""
    if is_verified(request):
        return HttpResponseRedirect(_next(request))
    if not TotpDevice.objects.filter(user_id=request.user.pk).exists():
        return HttpResponseRedirect(_with_next(request, "admin:two_factor_set_up"))
    form = CodeForm(request.POST or None)
    if form.is_valid() and (device := _try(request, form)):
        let_in(request, device)
        return HttpResponseRedirect(_next(request))
    return _page(request, "code", "Second factor", form=form)


@for_half_logged_in
@sensitive_variables()
def set_up(request: HttpRequest) -> HttpResponse:
    """Show a new secret until a code proves that an app holds it; then the recovery codes, once."""
    if TotpDevice.objects.filter(user_id=request.user.pk).exists():
        return HttpResponseRedirect(_with_next(request, "admin:two_factor_code"))
    secret = _pending(request)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            codes = devices.set_up(request.user, secret, "".join(form.cleaned_data["code"].split()))
        except IntegrityError:  # in another window meanwhile
            return HttpResponseRedirect(_with_next(request, "admin:two_factor_code"))
        if codes:
            del request.session[_PENDING]
            let_in(request, TotpDevice.objects.get(user_id=request.user.pk))
            return _page(request, "codes", "Recovery codes", codes=codes)
        form.add_error("code", "This is not the code of now. Is the phone's clock right?")
    return _page(
        request, "set_up", "Set up two-factor", form=form, secret=_grouped(secret), picture=_picture(request, secret)
    )


@for_half_logged_in
def own(request: HttpRequest) -> HttpResponse:
    """One's own device: new recovery codes, or another app, for who gives a code again."""
    device = TotpDevice.objects.filter(user_id=request.user.pk).first()
    if device is None or not is_verified(request):
        return HttpResponseRedirect(_with_next(request, "admin:two_factor_code"))
    form = CodeForm(request.POST or None)
    if form.is_valid() and (proved := _try(request, form)):
        if "replace" in request.POST:
            devices.remove(request.user.pk, request.user.pk, "To set up another one.")
            return HttpResponseRedirect(reverse("admin:two_factor_set_up"))
        return _page(request, "codes", "Recovery codes", codes=devices.new_codes(proved))
    return _page(request, "own", "Two-factor", form=form, device=device)


@require_POST
@for_half_logged_in
def leave(request: HttpRequest) -> HttpResponse:
    """Log out who has not come further than the password."""
    auth.logout(request)
    return HttpResponseRedirect(reverse("admin:login"))


def _try(request: HttpRequest, form: CodeForm) -> TotpDevice | None:
    try:
        device = devices.passes(request.user, form.cleaned_data["code"])
    except devices.Wait as wait:
        form.add_error("code", f"Too many wrong codes. The next one is looked at from {wait.until:%H:%M:%S} UTC on.")
        return None
    if device is None:
        form.add_error("code", "This code is wrong, or was used already. The app shows another one every 30 seconds.")
    return device


@sensitive_variables()
def _pending(request: HttpRequest) -> str:
    """Return the secret that this session is being offered. Nobody else's session has ever seen it."""
    cell = encryption.Cell("django_session", "two_factor", str(request.user.pk))
    try:
        return encryption.decrypt(b64decode(request.session[_PENDING]), cell)
    except (KeyError, DecryptionError):
        secret = devices.new_secret()
        request.session[_PENDING] = b64encode(encryption.encrypt(secret, cell)).decode()
        return secret


@sensitive_variables()
def _picture(request: HttpRequest, secret: str) -> str:
    """Return the QR code as an SVG element: attributes only, as the policy wants it."""
    code = segno.make(devices.address(secret, request.user.get_username()), error="m", micro=False)
    return mark_safe(code.svg_inline(scale=4, dark="#000", light="#fff", omitsize=True))  # noqa: S308 - no text of people's


def _grouped(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    # Not back to where one is led from here.
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if allowed and not wanted.startswith(reverse("admin:login")) else reverse("admin:index")


def _with_next(request: HttpRequest, name: str) -> str:
    return f"{reverse(name)}?{urlencode({'next': _next(request)})}"


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    around = (
        admin.site.each_context(request)
        if is_verified(request)
        else {"site_header": admin.site.site_header, "site_title": admin.site.site_title, "has_permission": False}
    )
    return TemplateResponse(
        request, f"{_FOLDER}/{template}.html", {**around, "title": title, "next": _next(request), **context}
    )
