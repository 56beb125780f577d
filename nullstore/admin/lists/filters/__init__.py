"""Filters of lists. Each makes plain addresses, asks the database nothing, and says what is wrong with a value.

An admin class writes `list_filter = (("status", OneOf), ("created_at", TimeWindow), TooLong)`; the parameters are
`status=failed`, `revoked_at__isnull=1`, `created_at__within=day` or `created_at__gte=...` with `created_at__lt=...`.
"""

from nullstore.admin.lists.filters.choices import Conditions, IsNull, OneOf
from nullstore.admin.lists.filters.text import Exact, ForeignId, HasTag
from nullstore.admin.lists.filters.times import TimeWindow

__all__ = ["Conditions", "Exact", "ForeignId", "HasTag", "IsNull", "OneOf", "TimeWindow"]
