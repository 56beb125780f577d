"""What staff decide about listings. Which decision is possible when says erebus_app.services.listings."""

from typing import Any, Final

from erebus_app.models import Listing
from erebus_app.services import listings
from nullstore.actor import Actor
from nullstore.admin.rowactions import RequiredReason, RowAction


class Decision(RowAction):
    """Base: one of the transitions; `name` is the transition's."""

    def offered(self, row: Listing) -> bool:
        return listings.possible(row, self.name)

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> None:
        listings.decide(row_id, self.name, actor)


class Approve(Decision):
    name = "approve"
    label = "Approve"
    done = "Approved"
    question = "The listing is offered in the marketplace."


class Reject(Decision):
    name = "reject"
    label = "Reject"
    done = "Rejected"
    question = "The listing is not offered. The reason is kept with it as the review note, for its author."
    form = RequiredReason
    dangerous = True


class Reopen(Decision):
    name = "reopen"
    label = "Review again"
    done = "Back in the review queue"
    question = "The listing waits for a decision again. The note of its rejection stays until it is approved."


class Feature(Decision):
    name = "feature"
    label = "Feature"
    done = "Featured"
    question = "The marketplace shows the listing first."


class Unfeature(Decision):
    name = "unfeature"
    label = "Stop featuring"
    done = "No longer featured"
    question = "The listing stays approved."


class Deactivate(Decision):
    name = "deactivate"
    label = "Deactivate"
    done = "Deactivated"
    question = "The marketplace offers the listing no longer. What was bought and deployed stays."
    dangerous = True


class Activate(Decision):
    name = "activate"
    label = "Activate"
    done = "Activated"
    question = "The listing is offered again, as approved."


ACTIONS: Final = (Approve, Reject, Feature, Unfeature, Deactivate, Activate, Reopen)
