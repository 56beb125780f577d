"""What sections about rows of other tables share: who may see them, and how many of them."""

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest

#: How many rows a section lists.
SHOWN: Final = 10


def first_of(rows: QuerySet[Any], shown: int = SHOWN) -> dict[str, Any]:
    """Return the first rows of a queryset for a section's template, and whether there are more."""
    found = list(rows[: shown + 1])
    return {"rows": found[:shown], "more": len(found) > shown}


def may_view(request: HttpRequest, label: str) -> bool:
    """Return whether the member of staff may see rows of the model `label` (`app.Model`)."""
    app_label, model_name = label.lower().split(".")
    return any(request.user.has_perm(f"{app_label}.{verb}_{model_name}") for verb in ("view", "change"))
