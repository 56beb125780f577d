"""How a user is shown, wherever the row is: the source and the replica have the same columns."""

from django.contrib import admin


class IdentityColumns(admin.ModelAdmin):
    """The list and the page of a user_references table."""

    list_display = ("source_identifier", "network", "user_type", "email", "is_active", "created_at")
    list_filter = ("is_active", "user_type")
    search_fields = ("source_identifier__startswith", "email__startswith")
    search_help_text = "A whole id, or the beginning of a source identifier or e-mail address."
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("id", "source_identifier", "network", "user_type", "email", "is_active")}),
        ("Where from", {"fields": ("source_type",)}),
        ("Settings", {"fields": ("metadata", "preferences"), "classes": ("collapse",)}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )
