"""The review queue: what waits for a decision, the oldest first."""

from typing import Any, Final

from erebus_app.models import Listing
from nullstore.admin.sections import Section
from nullstore.admin.show import list_url
from nullstore.databases import EREBUS

#: Up to this many waiting listings are counted.
COUNTED: Final = 1000


def waiting() -> dict[str, Any]:
    """Return how many listings wait (of more than COUNTED, "more than"), and the address of the list of them."""
    count = Listing.objects.filter(status=Listing.Status.PENDING).order_by()[: COUNTED + 1].count()
    text = f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"
    return {"count": count, "text": text, "url": queue_url()}


def queue_url() -> str:
    return list_url("erebus_app.Listing", status=Listing.Status.PENDING.value)


def queue_section(listing: Listing) -> Section:
    """Return the section that leads from one listing to the one that has waited longest."""

    def load() -> dict[str, Any]:
        pending = Listing.objects.filter(status=Listing.Status.PENDING).exclude(pk=listing.pk)
        following = pending.order_by("created_at", "id").only("title", "version", "created_at").first()
        return {"queue": waiting(), "listing": listing, "next": following}

    return Section("Review queue", "admin/erebus_app/listing/queue.html", load, "queue", EREBUS)
