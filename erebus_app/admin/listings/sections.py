"""What belongs to a listing: versions, reviews, purchases, deployments, favorites. Found by their indexes on it."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.http import HttpRequest

from erebus_app.models import Deployment, Favorite, Listing, ListingVersion, Purchase, Review
from nullstore.admin.neighbours import first_of, may_view
from nullstore.admin.sections import Section
from nullstore.databases import EREBUS

_TEMPLATES = "admin/erebus_app/listing"
#: What a review can give; the database takes nothing else.
STARS: Final = (5, 4, 3, 2, 1)


def listing_sections(request: HttpRequest, key: Any) -> Iterator[Section]:
    """Yield the sections that the member of staff may see."""
    sections = {
        "ListingVersion": ("Versions", "versions", _versions),
        "Review": ("Reviews", "reviews", _reviews),
        "Purchase": ("Purchases", "purchases", _purchases),
        "Deployment": ("Deployments", "deployments", _deployments),
        "Favorite": ("Favorites", "favorites", _favorites),
    }
    for model, (title, name, load) in sections.items():
        if may_view(request, f"erebus_app.{model}"):
            yield Section(title, f"{_TEMPLATES}/{name}.html", lambda load=load: {**load(key), "key": key}, name, EREBUS)  # type: ignore[misc]


def _versions(key: Any) -> dict[str, Any]:
    return first_of(ListingVersion.objects.filter(listing=key).defer("metadata").order_by("-created_at", "-id"))


def _reviews(key: Any) -> dict[str, Any]:
    """The distribution, and whether what the listing says of itself agrees with it: a trigger sees to that."""
    # One statement, hence one moment: of two, a review might come in between, and the trigger look as if it were off.
    by_stars = {f"stars_{stars}": Count("reviews", Q(reviews__rating=stars)) for stars in STARS}
    listing = Listing.objects.only("rating", "total_ratings").annotate(**by_stars).filter(pk=key).first()
    if listing is None:
        return {"listing": None}
    counts: dict[int, int] = {stars: getattr(listing, f"stars_{stars}") for stars in STARS}
    total, most = sum(counts.values()), max(counts.values())
    return {
        **first_of(Review.objects.filter(listing=key).order_by("-created_at", "-id")),
        "bars": [_bar(stars, counts[stars], most) for stars in STARS],
        "total": total,
        "average": _average(counts),
        "listing": listing,
        "consistent": (listing.total_ratings, listing.rating) == (total, _average(counts)),
    }


def _average(counts: dict[int, int]) -> Decimal | None:
    """Return what the trigger writes: round() of PostgreSQL rounds halves up."""
    total = sum(counts.values())
    if not total:
        return None
    exact = Decimal(sum(stars * count for stars, count in counts.items())) / total
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _bar(stars: int, count: int, most: int) -> dict[str, Any]:
    return {"stars": stars, "count": count, "width": round(100 * count / most) if most else 0}


def _purchases(key: Any) -> dict[str, Any]:
    purchases = Purchase.objects.filter(listing=key)
    figures = purchases.aggregate(count=Count("pk"), lamports=Sum("price_paid_lamports"))
    lamports = int(figures["lamports"] or 0)
    return {
        **first_of(purchases.order_by("-created_at", "-id")),
        "count": figures["count"],
        "lamports": lamports,
        "sol": sol(lamports),
    }


def sol(lamports: int) -> str:
    """Return lamports in SOL, to the last of them."""
    return f"{Decimal(lamports).scaleb(-9).normalize():,f}"


def _deployments(key: Any) -> dict[str, Any]:
    deployments = Deployment.objects.filter(listing=key)
    states = deployments.order_by("status").values_list("status").annotate(Count("pk"))
    return {**first_of(deployments.defer("config").order_by("-created_at", "-id")), "states": list(states)}


def _favorites(key: Any) -> dict[str, Any]:
    favorites = Favorite.objects.filter(listing=key)
    return {**first_of(favorites.order_by("-created_at", "-id")), "count": favorites.count()}
