"""What the database refuses comes back as a message, not as an error page: constraints, triggers, a lost race."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError, models, router, transaction
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from psycopg.errors import Diagnostic

from nullstore.admin.concurrency import REFUSAL
from nullstore.admin.forms import TableForm
from nullstore.exceptions import ActionRefused
from nullstore.locks import PATIENCE, is_locked_out, limit_lock_wait

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
#: SQLSTATE classes of what a writer did: what PostgreSQL cannot compute (of 'infinity', say), bad data, broken
#: constraint, conflict of transactions, a rule of nullstore.
_REFUSALS = ("0A", "22", "23", "40", "NS")


def refusal_text(error: DatabaseError, model: type[models.Model]) -> str | None:
    """Return what to tell the person whose change of `model` failed with `error`; None if it is not up to them.

    Never the error's DETAIL: it repeats the row, stored secrets included.
    """
    cause = error.__cause__
    if is_locked_out(error):
        return f"Somebody else has been writing this for more than {PATIENCE}. Nothing was changed: try again."
    if isinstance(cause, psycopg.Error):
        refused = (cause.sqlstate or "").startswith(_REFUSALS)
        return _of_constraint(cause.diag, model) or _of_database(cause.diag) if refused else None
    if isinstance(error, ProtectedError | RestrictedError):
        return str(error.args[0])
    # So save() says that the row has gone.
    return str(error) if type(error) is DatabaseError else None


def _of_constraint(diag: Diagnostic, model: type[models.Model]) -> str | None:
    # A row that is to be deleted offends a constraint of the table that refers to it.
    neighbours = apps.get_app_config(model._meta.app_label).get_models()
    named = (
        str(constraint.get_violation_error_message())
        for neighbour in neighbours
        for constraint in neighbour._meta.constraints
        if (neighbour._meta.db_table, constraint.name) == (diag.table_name, diag.constraint_name)
    )
    return next(named, None)


def _of_database(diag: Diagnostic) -> str:
    said = (diag.message_primary, diag.message_hint)
    return "The database refused this: " + ". ".join(part.rstrip(".") for part in said if part) + "."


@contextmanager
def one_transaction(model: type[models.Model]) -> Iterator[None]:
    """Open one in the model's database and one in that of the admin's log, which commits only if the first did."""
    home = router.db_for_write(model)
    with transaction.atomic(using=router.db_for_write(LogEntry)), transaction.atomic(using=home):
        limit_lock_wait(home)
        yield


class Refusals(admin.ModelAdmin):
    """Runs every write of the admin in one transaction, and turns what the database refuses into a message."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if issubclass(form, TableForm):
            form.refusal = getattr(request, REFUSAL, None)
        return form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().changeform_view
        response = self._attempt(request, lambda: view(request, *args, **kwargs))
        # The second time the form holds the refusal, hence is not valid, hence is shown with what was typed.
        return response or self._attempt(request, lambda: view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().delete_view
        return self._attempt(request, lambda: view(request, *args, **kwargs)) or self._back(request)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().changelist_view
        return self._attempt(request, lambda: view(request, *args, **kwargs)) or self._back(request)

    def runs_in_one_transaction(self, request: HttpRequest) -> bool:
        """Return whether all that the request writes is to commit as one."""
        return request.method not in SAFE_METHODS

    def _attempt(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse | None:
        """Return the view's response, or None if the database or a service refused what it wrote."""
        if not self.runs_in_one_transaction(request):
            return view()
        try:
            with one_transaction(self.model):
                return view()
        except DatabaseError as error:
            text = refusal_text(error, self.model)
            if text is None:
                raise
        except ActionRefused as error:
            text = str(error)
        setattr(request, REFUSAL, text)
        return None

    def _back(self, request: HttpRequest) -> HttpResponse:
        """Return to the page that the person came from, with the refusal as a message."""
        self.message_user(request, getattr(request, REFUSAL), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
