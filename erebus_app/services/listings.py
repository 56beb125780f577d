"""What staff decide about a listing of the marketplace, and which decision may follow which."""

from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from erebus_app.models import Listing
from nullstore.actor import Actor, set_actor
from nullstore.databases import EREBUS
from nullstore.exceptions import ActionRefused

_Status = Listing.Status
_COLUMNS: Final = ("id", "title", "version", "status", "review_note")


@dataclass(frozen=True, slots=True)
class Transition:
    """A decision: from which states it leads to which."""

    name: str
    sources: frozenset[str]
    target: str
    #: Whether it leads on from a state, too, that a service has added: what is abusive must not be out of reach.
    from_others: bool = False

    def leads_from(self, status: str) -> bool:
        return status in self.sources or (self.from_others and status not in _Status)


def _transition(name: str, sources: set[str], target: str, *, from_others: bool = False) -> Transition:
    return Transition(name, frozenset(sources), target, from_others)


#: All that staff may do to the state of a listing.
TRANSITIONS: Final = {
    each.name: each
    for each in (
        _transition("approve", {_Status.PENDING}, _Status.APPROVED),
        _transition("reject", {_Status.PENDING}, _Status.REJECTED, from_others=True),
        _transition("reopen", {_Status.REJECTED}, _Status.PENDING),
        _transition("feature", {_Status.APPROVED}, _Status.FEATURED),
        _transition("unfeature", {_Status.FEATURED}, _Status.APPROVED),
        _transition("deactivate", {_Status.APPROVED, _Status.FEATURED}, _Status.INACTIVE, from_others=True),
        _transition("activate", {_Status.INACTIVE}, _Status.APPROVED),
    )
}


@transaction.atomic(using=EREBUS)
def decide(listing_id: Any, name: str, actor: Actor) -> Listing:
    """Bring the listing into the state to which TRANSITIONS[name] leads, and return it.

    A rejection needs a reason, which becomes the review note; an approval removes the note. Raises ActionRefused if
    the listing's state is another one, for example because somebody else has decided meanwhile.
    """
    transition = TRANSITIONS[name]
    rows = Listing.objects.using(EREBUS).select_for_update(no_key=True).only(*_COLUMNS)
    listing = rows.filter(pk=listing_id).first()
    if listing is None:
        raise ActionRefused(f"There is no listing {listing_id} any more.")
    _check(listing, transition, actor)
    set_actor(actor, using=EREBUS)
    listing.status = transition.target
    if name == "reject":
        listing.review_note = actor.reason
    elif name == "approve":
        listing.review_note = None
    listing.save(update_fields=["status", "review_note"])
    return listing


def possible(listing: Listing, name: str) -> bool:
    """Return whether TRANSITIONS[name] leads on from the state that the listing has."""
    return TRANSITIONS[name].leads_from(listing.status)


def _check(listing: Listing, transition: Transition, actor: Actor) -> None:
    if listing.status == transition.target:
        raise ActionRefused(f"It is {listing.status} already: somebody else has decided.")
    if not transition.leads_from(listing.status):
        raise ActionRefused(
            f"It is {listing.status}; only what is {' or '.join(sorted(transition.sources))} can become "
            f"{transition.target}."
        )
    if transition.name == "reject" and not actor.reason.strip():
        raise ActionRefused("A rejection needs a reason, for the author.")
