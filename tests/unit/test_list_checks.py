"""nullstore.E009: what a list can be sorted by."""

from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from nullstore.admin.lists.admin import PagedList


def faults(**options: Any) -> list[str]:
    """What the check says of an admin with these options."""

    class Thing(models.Model):
        made_at = models.DateTimeField()
        seen_at = models.DateTimeField(null=True)
        name = models.CharField(max_length=9)
        kind = models.CharField(max_length=9)
        code = models.CharField(max_length=9, unique=True)
        plain = models.IntegerField()
        partial = models.IntegerField()
        pattern = models.CharField(max_length=9)

        class Meta:
            app_label = "nullstore"
            constraints = [
                models.UniqueConstraint(fields=["name", "kind"], name="thing_name"),
                models.UniqueConstraint(fields=["partial"], condition=Q(plain=1), name="thing_partial"),
                models.UniqueConstraint(Lower("name"), name="thing_lower"),
            ]
            indexes = [
                models.Index(fields=["made_at", "id"], name="thing_made"),
                models.Index(fields=["seen_at", "id"], name="thing_seen"),
                models.Index(fields=["plain"], name="thing_plain"),
                models.Index(fields=["partial", "id"], condition=Q(plain=1), name="thing_some"),
                models.Index(fields=["pattern", "id"], name="thing_like", opclasses=["varchar_pattern_ops"] * 2),
            ]

    admin_class = type("ThingAdmin", (PagedList,), options)
    messages = admin_class(Thing, AdminSite()).check()
    assert {message.id for message in messages} <= {"nullstore.E009"}
    assert [message.hint for message in messages if "`sortable`" not in str(message.hint)] == []
    return [message.msg for message in messages]


@isolate_apps("nullstore")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ordering": ("-made_at",)},
        {"ordering": ("-made_at", "-id")},
        {"ordering": ("name", "kind")},
        {"ordering": ("-pk",), "sortable": ("id", "made_at", "code")},
    ],
)
def test_indexed_columns_are_accepted(options: dict[str, Any]) -> None:
    assert faults(**options) == []


@isolate_apps("nullstore")
@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"sortable": ("seen_at",)}, "by 'seen_at': seen_at may be NULL"),
        ({"ordering": ("seen_at",)}, "by 'seen_at': seen_at may be NULL"),
        ({"sortable": ("name",)}, "by 'name': no index begins with (name, id)"),
        ({"sortable": ("plain",)}, "by 'plain': no index begins with (plain, id)"),
        ({"sortable": ("partial",)}, "by 'partial': no index begins with (partial, id)"),
        ({"sortable": ("pattern",)}, "by 'pattern': no index begins with (pattern, id)"),
        ({"ordering": ("-made_at", "id")}, "by '-made_at, id': its columns have different directions"),
        ({"sortable": ("nothing",)}, "by 'nothing': Thing has no field named 'nothing'"),
    ],
)
def test_e009_other_columns(options: dict[str, Any], fault: str) -> None:
    (said,) = faults(**options)
    assert fault in said
