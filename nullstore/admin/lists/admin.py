"""What the admin of a table inherits for its list."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import ListFilter, ShowFacets, display
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nullstore.admin.lists.batches import valid_keys
from nullstore.admin.lists.changelist import TableChangeList
from nullstore.admin.lists.checks import ListChecks
from nullstore.admin.lists.counts import bounded_count
from nullstore.admin.lists.search import IdSearch
from nullstore.admin.lists.timeouts import ROWS_TIMEOUT, statement_timeout, timed_out

#: Deleting loads each row and all that goes with it, and a browser sends no more than 1000 keys back.
DELETE_LIMIT = 500


class BoundedPaginator(Paginator):
    """Counts no more than the first thousand rows: for the choice of a related row, which cannot page by keyset."""

    @cached_property
    def count(self) -> int:
        return min(1000, bounded_count(self.object_list, 1000))  # type: ignore[arg-type]


class PagedList(IdSearch):
    """A list that pages by keyset and neither counts nor joins more than a page needs. See nullstore.admin.lists."""

    #: Columns that a click on their header sorts by: NOT NULL, with an index (column, primary key).
    sortable: tuple[str, ...] = ()
    paginator = BoundedPaginator
    checks_class = ListChecks
    change_list_template = "admin/nullstore/change_list.html"
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TableChangeList

    @display(description="select")
    def action_checkbox(self, obj: Any) -> SafeString:
        """Return what Django's widget renders, without a template for each row: a sixth of the page's time."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            f"Select this object for an action - {obj}",
        )

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Allow the parameters of the filters that the list has, and no others."""
        return any(_takes(each, lookup) for each in self.get_list_filter(request))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if stock := actions.get("delete_selected"):
            actions["delete_selected"] = (delete_a_few, *stock[1:])
        return actions

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> Any:
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if len(valid_keys(queryset, keys)) < len(keys):
            text = "One of the rows selected is none of this table. Nothing was done."
            self.message_user(request, text, messages.ERROR)
            return None
        return super().response_action(request, queryset)


def _takes(list_filter: Any, lookup: str) -> bool:
    """Return whether `lookup` is a parameter of this entry of list_filter."""
    if isinstance(list_filter, type) and issubclass(list_filter, ListFilter):
        return lookup == getattr(list_filter, "parameter_name", None)
    path, filter_class = (list_filter, None) if isinstance(list_filter, str) else list_filter
    suffixes = getattr(filter_class, "suffixes", None)
    if suffixes is None:
        return lookup == path or lookup.startswith(f"{path}__")
    return lookup in [path + suffix for suffix in suffixes]


def delete_a_few(modeladmin: Any, request: HttpRequest, queryset: QuerySet) -> Any:
    """Delete the rows selected, as Django's action does, unless there are too many of them to load."""
    try:
        with statement_timeout(queryset.db, ROWS_TIMEOUT):
            few = bounded_count(queryset, DELETE_LIMIT) <= DELETE_LIMIT
    except DatabaseError as error:
        if not timed_out(error):
            raise
        few = False
    if few:
        return delete_selected(modeladmin, request, queryset)
    text = f"More than {DELETE_LIMIT} rows cannot be deleted at once. Narrow the filters down. Nothing was done."
    modeladmin.message_user(request, text, messages.ERROR)
    return None
