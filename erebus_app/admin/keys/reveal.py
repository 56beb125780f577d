"""The page that shows a secret, once, to those who may, say why and give their password again."""

import logging
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.debug import sensitive_variables

from erebus_app.admin.keys.actions import Reveal
from erebus_app.admin.keys.attempts import LIMIT, WINDOW, blocked_until, is_password
from erebus_app.admin.keys.forms import RevealForm
from erebus_app.models import AgentApiKey
from erebus_app.services.keys import RevealedMeanwhile, last_reveal, reveal_key
from nullstore.admin.actor import actor_of
from nullstore.admin.show import row_url
from nullstore.exceptions import NullstoreError

if TYPE_CHECKING:
    from erebus_app.admin.keys.admin import AgentApiKeyAdmin

logger = logging.getLogger(__name__)

_TOO_MANY = f"{LIMIT} wrong passwords within {WINDOW.seconds // 60} minutes: no secret is shown to you for now."
_ASKED_AGAIN = (
    "The secret was shown after this question was asked (or the page was reloaded), so it was not shown again. "
    "To see it once more, give reason and password anew."
)
_NOT_RECORDED = (
    "The access could not be recorded, and without that nothing is shown. It is written to secret_access_log and to "
    "the console's own log, both or neither. "
    "Try again; if it stays so, tell whoever looks after the database erebus."
)
_UNASKABLE = (
    "Your account has no password here (you log in another way), so it cannot be asked for, and without that no "
    "secret is shown. An administrator can set one, or somebody else can reveal the key."
)


@sensitive_variables()
def reveal(model_admin: "AgentApiKeyAdmin", request: HttpRequest, key: AgentApiKey) -> HttpResponse:
    """Ask with GET; with POST record the access and show the secret in the answer itself, which nothing keeps."""
    if not model_admin.may(request, Reveal, key):
        raise PermissionDenied
    if key.revoked_at is not None:
        messages.warning(request, f"The key of {key} is revoked, and a revoked key is not revealed.")
        return HttpResponseRedirect(row_url("erebus_app.AgentApiKey", key.pk))
    page = _Page(model_admin, request, key)
    user: Any = request.user
    if not user.has_usable_password():
        return page.ask(None, _UNASKABLE, 403)
    form = RevealForm(request.POST) if request.method == "POST" else None
    if (until := blocked_until(user.pk)) is not None:
        return page.ask(None, f"{_TOO_MANY} Try again after {until:%H:%M:%S %Z}.", 429)
    if form is None or not form.is_valid():
        return page.ask(form or page.empty())
    if not is_password(user.pk, form.cleaned_data["password"], key):
        form.add_error("password", "This is not your password. Nothing was shown; the attempt is counted.")
        return page.ask(form)
    return page.answer(form)


class _Page:
    """The two states of the page: the question and the answer."""

    def __init__(self, model_admin: "AgentApiKeyAdmin", request: HttpRequest, key: AgentApiKey) -> None:
        self.model_admin, self.request, self.key = model_admin, request, key

    def empty(self) -> RevealForm:
        return RevealForm(initial={"after": last_reveal(self.key.pk)})

    def ask(self, form: forms.Form | None, obstacle: str = "", status: int = 200) -> HttpResponse:
        """Show the question, with what is to be said first; without a form only that."""
        return self._response("reveal.html", {"form": form, "obstacle": obstacle}, status)

    @sensitive_variables()
    def answer(self, form: RevealForm) -> HttpResponse:
        """Show the secret, or the question with what stands against it."""
        actor = actor_of(self.request, form.cleaned_data["reason"])
        try:
            secret = reveal_key(
                self.key.pk,
                actor,
                after=form.cleaned_data["after"],
                along=lambda key: self.model_admin.log_change(self.request, key, f"Revealed. Reason: {actor.reason}"),
            )
        except RevealedMeanwhile:
            return self.ask(self.empty(), _ASKED_AGAIN)
        except NullstoreError as error:
            form.add_error(None, str(error))
        except DatabaseError:
            logger.exception("A reveal of the key %s could not be recorded", self.key.pk)
            form.add_error(None, _NOT_RECORDED)
        else:
            return self._response("revealed.html", {"secret": secret, "reason": actor.reason})
        return self.ask(form)

    @sensitive_variables()
    def _response(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        shared = {
            **self.model_admin.admin_site.each_context(self.request),
            "title": "Reveal the secret",
            "opts": self.model_admin.opts,
            "action": Reveal,
            "row": self.key,
            "back": row_url("erebus_app.AgentApiKey", self.key.pk),
            "media": self.model_admin.media,
        }
        name = f"admin/erebus_app/agentapikey/{template}"
        # Rendered here, where a crash report hides all variables, and not later by the handler.
        response = render(self.request, name, {**shared, **context}, status=status)
        add_never_cache_headers(response)
        response.headers["Pragma"] = "no-cache"
        return response
