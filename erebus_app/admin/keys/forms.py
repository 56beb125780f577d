"""What is asked about keys. A secret goes in through a field that never shows it again."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from erebus_app.models import AgentApiKey
from nullstore.admin.forms import TableForm
from nullstore.admin.rowactions import ReasonForm, RequiredReason


class SecretField(forms.CharField):
    """A secret to be stored. Says what is wrong with it without repeating it."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "off", "class": "vTextField"}
        widget = forms.PasswordInput(render_value=False, attrs=attrs)
        super().__init__(**{"max_length": 4096, "widget": widget, **kwargs})

    @sensitive_variables()
    def clean(self, value: Any) -> Any:
        secret = super().clean(value)
        try:
            AgentApiKey().set_secret(secret)
        except ValueError as error:
            raise ValidationError(str(error), "invalid") from None
        return secret


class NewKeyForm(TableForm):
    new_secret = SecretField(label="Secret", help_text="Stored encrypted, and shown again to nobody but by “Reveal”.")


class KeyForm(TableForm):
    def clean(self) -> dict[str, Any]:
        revoked_at = self.instance.revoked_at
        if revoked_at is not None:
            raise ValidationError(
                f"Nothing was saved: this key was revoked on {revoked_at:%Y-%m-%d %H:%M %Z} and stays as it is.",
                "revoked",
            )
        return super().clean()


class RotateForm(ReasonForm):
    new_secret = SecretField(
        label="New secret", help_text="Takes the place of the stored one, which cannot be brought back."
    )
    field_order = ("new_secret", "reason")


class LastSeen(forms.Field):
    """The id of the newest entry that the page knew of, hidden; -1 for what is none."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> int:
        text = str(value or "")
        return int(text) if text.isdecimal() and len(text) < 20 else -1


class RevealForm(RequiredReason):
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "vTextField"}),
        help_text="The one you log in with.",
    )
    #: The newest reveal that the page knew of: what a browser sends again is no new question.
    after = LastSeen(required=False)
