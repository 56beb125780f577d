"""The form for a code."""

from django import forms


class CodeForm(forms.Form):
    """One code: of the app, or a recovery code where that is allowed."""

    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )
