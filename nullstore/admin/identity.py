"""How a user is shown, wherever the row is: the source and the replica have the same columns."""

from django.db.models import Q

from nullstore.admin.prefixes import IndexedSearch, id_prefix


class IdentityColumns(IndexedSearch):
    """The list and the page of a user_references table."""

    list_display = ("source_identifier", "network", "user_type", "email", "is_active", "created_at")
    search_fields = ("source_identifier__startswith",)
    ordering = ("-created_at", "-id")
    sortable: tuple[str, ...] = ("created_at",)
    fieldsets = (
        (None, {"fields": ("id", "source_identifier", "network", "user_type", "email", "is_active")}),
        ("Where from", {"fields": ("source_type",)}),
        ("Settings", {"fields": ("metadata", "preferences"), "classes": ("collapse",)}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )

    def matching(self, text: str) -> Q:
        return Q(source_identifier__startswith=text) | self.matching_email(text) | id_prefix(text, "id")

    def matching_email(self, text: str) -> Q:
        """Return the condition for an e-mail address that begins with `text`, as the table's index can answer it."""
        raise NotImplementedError
