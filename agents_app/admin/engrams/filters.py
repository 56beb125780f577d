"""Filters of the list of engrams, and its search."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery, SearchVectorExact
from django.db.models import DateTimeField, DurationField, Expression, ExpressionWrapper, F, Max, Min, Q, Value
from django.db.models.lookups import GreaterThan, LessThanOrEqual
from django.utils import timezone

from agents_app.models import Engram
from agents_app.models.engrams import SUMMARY_WORDS
from nullstore.admin.lists.filters import Conditions

_TIME_TO_LIVE: Final = ExpressionWrapper(F("ttl_seconds") * Value(timedelta(seconds=1)), DurationField())
_HAS_END: Final = Q(ttl_seconds__isnull=False)


def _made_when_due(now: datetime) -> Expression:
    """Return when an engram was made that expires now. Not when it expires: that may be after PostgreSQL's end of time.

    Counted from when it was made: updated_at moves with every write, also with the one that marks it as read.
    """
    return ExpressionWrapper(Value(now, DateTimeField()) - _TIME_TO_LIVE, DateTimeField())


def _bounds(now: datetime) -> dict[str, datetime]:
    """Return before when all engrams that end have expired, and since when none has: where an index can begin."""
    found: dict[str, Any] = Engram.objects.filter(_HAS_END).aggregate(least=Min("ttl_seconds"), most=Max("ttl_seconds"))
    return {
        "all_before": now - timedelta(seconds=found["most"] or 0),
        "none_since": now - timedelta(seconds=found["least"] or 0),
    }


def _expired() -> Q:
    now = timezone.now()
    is_due: Any = LessThanOrEqual(F("created_at"), _made_when_due(now))
    return _HAS_END & Q(is_due, created_at__lte=_bounds(now)["none_since"])


def _expires_later() -> Q:
    now = timezone.now()
    is_later: Any = GreaterThan(F("created_at"), _made_when_due(now))
    return _HAS_END & Q(is_later, created_at__gt=_bounds(now)["all_before"])


class Expired(Conditions):
    """Whether the time to live, counted from when the engram was made, is over."""

    title = "time to live"
    parameter_name = "expired"
    conditions = {
        "yes": ("Expired", _expired),
        "later": ("Expires later", _expires_later),
        "never": ("Never expires", lambda: ~_HAS_END),
    }


def search_condition(text: str) -> Q:
    """Return the condition for what was typed into the search: by its shape a key, a wallet, words, or any of them."""
    if any(each.isspace() for each in text) or text.startswith(("-", '"')):
        return in_summary(text)
    key, wallet = Q(key__startswith=text), Q(wallet_address__startswith=text)
    if text.startswith("0x"):
        return wallet | key
    return key if "." in text else key | wallet | in_summary(text)


def in_summary(text: str) -> Q:
    """Return the condition that the summary holds these words; "phrases", OR and -exclusions as in a web search."""
    query = SearchQuery(text, config="english", search_type="websearch")
    return Q(SearchVectorExact(SUMMARY_WORDS, query))
