"""What staff did to rows of this database."""

from django.apps import apps
from django.contrib import admin
from django.db.models import Q

from agents_app.models import OpsAction
from nullstore.admin.lists.filters import Exact, TimeWindow
from nullstore.admin.prefixes import IndexedSearch
from nullstore.admin.readonly import ReadOnlyAdmin


@admin.register(OpsAction)
class OpsActionAdmin(IndexedSearch, ReadOnlyAdmin):
    list_display = ("id", "at", "actor", "action", "target_table", "target_id")
    list_filter = (("at", TimeWindow), ("actor", Exact), ("action", Exact), ("target_table", Exact))
    search_fields = ("target_id__exact",)
    search_help_text = "The whole id of the row that something was done to."
    ordering = ("-id",)
    sortable = ("id",)
    fields = ("id", "at", "actor", "action", "target_table", "target_id", "detail")

    def matching(self, text: str) -> Q:
        # The index on the target begins with the table.
        tables = [model._meta.db_table for model in apps.get_app_config("agents_app").get_models()]
        return Q(target_table__in=tables, target_id=text)
