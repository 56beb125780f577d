"""One thing that can be done to a row."""

from typing import Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest

from nullstore.actor import Actor

#: What engram_history.change_reason has room for; other logs have more.
REASON_LENGTH = 255


class ReasonForm(forms.Form):
    """A reason that may be left out."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        required=False,
        label="Reason",
        help_text="Kept with what is recorded.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class RequiredReason(ReasonForm):
    """A reason that must be given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


class RowAction:
    """One action. A subclass says what it is called and does it; a ModelAdmin lists it in `row_actions`."""

    #: Part of the address, and the name of the bulk action.
    name: ClassVar[str]
    #: What the button says: an imperative ("Cancel").
    label: ClassVar[str]
    #: What was done ("Canceled"), for the answer and the log.
    done: ClassVar[str]
    #: What a person should know before doing it.
    question: ClassVar[str] = ""
    #: What is asked; its field `reason`, if it has one, goes into the Actor.
    form: ClassVar[type[forms.Form] | None] = ReasonForm
    #: "change", "delete", ... of the model, or a whole codename (`app.codename`).
    permission: ClassVar[str] = "change"
    #: Whether it can be done to many rows of a list.
    bulk: ClassVar[bool] = True
    #: Whether its button is to look like a warning.
    dangerous: ClassVar[bool] = False

    def offered(self, row: Any) -> bool:
        """Return whether the page of `row` has a button for it; what is really possible run() decides."""
        return True

    def initial(self, request: HttpRequest, row: models.Model | None) -> dict[str, Any]:
        """Return what the form begins with; `row` is None for many."""
        return {}

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> str | None:
        """Do it to the row with this id, in a transaction of its own; `data` is what the form has.

        May return a sentence, plain or safe HTML, to be added to the answer. Raises ActionRefused.
        """
        raise NotImplementedError
