"""The colours that tell installations apart at a glance, always beside the name."""

from typing import Final

COLOURS: Final = ("red", "amber", "green", "blue", "purple", "grey")

_OF_NAMES: Final = {
    "red": ("production", "prod", "live"),
    "amber": ("staging", "stage", "preproduction", "preprod", "acceptance", "uat"),
    "green": ("development", "dev", "local"),
    "blue": ("test", "testing", "ci", "demo", "sandbox"),
}


def colour_of(environment: str) -> str:
    """Return the colour of an installation of that name: red for production, grey for one that is not known here."""
    name = environment.lower()
    return next((colour for colour, names in _OF_NAMES.items() if name in names), "grey")
