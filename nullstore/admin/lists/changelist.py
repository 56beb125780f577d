"""The list of a table's rows, which costs the same on every page of a table of any size."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.admin.views.main import (
    ALL_VAR,
    ERROR_FLAG,
    IGNORED_PARAMS,
    ORDER_VAR,
    PAGE_VAR,
    SEARCH_VAR,
    ChangeList,
)
from django.db import DatabaseError, DataError
from django.db.models import QuerySet
from django.http import HttpRequest

from nullstore.admin.lists.columns import heavy_fields_with
from nullstore.admin.lists.counts import COUNT_LIMIT, RowCount, count_of
from nullstore.admin.lists.keyset import BadToken, Keyset
from nullstore.admin.lists.pages import Page, Position, read_page
from nullstore.admin.lists.timeouts import ROWS_TIMEOUT, statement_timeout, timed_out
from nullstore.admin.show import row_url

AFTER, BEFORE, LAST = "after", "before", "last"
POSITION = (AFTER, BEFORE, LAST)
#: Parameters that are no filters.
KNOWN = frozenset({*IGNORED_PARAMS, *POSITION, PAGE_VAR, ERROR_FLAG})
#: A filter or search that leaves no more rows than this is answered by sorting them. The planner would often rather
#: walk the index of the order until it has met a pageful, which takes the longer the rarer they are. All that can be
#: counted: whoever has counted them in time has met each of them, and meets them as quickly again.
SORT_LIMIT = COUNT_LIMIT


class Way(NamedTuple):
    """How to read a page: along the index of the order, or by collecting and sorting; and for how long at most."""

    sort: bool
    milliseconds: int


WALK, SORT = Way(False, ROWS_TIMEOUT), Way(True, ROWS_TIMEOUT)
# Time enough to meet a pageful of rows that are one in a hundred; rarer ones are few enough to be collected.
BRIEF_WALK, BRIEF_SORT = Way(False, 25), Way(True, 500)

TOO_SLOW = (
    "This took longer than {} seconds and was stopped: no rows are shown. Narrow the search or the filters down, for "
    "instance to a shorter time; or sort by another column."
)


class TableChangeList(ChangeList):
    """Pages by keyset, counts within bounds, leaves heavy columns in the database, and says what went wrong."""

    model_admin: Any
    sortable_by: Any
    keyset: Keyset
    page: Page

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        self.notices: list[str] = []
        self.place = {name: request.GET[name] for name in POSITION if name in request.GET}
        super().__init__(request, *args, **kwargs)
        # Django would resolve the address of every row to add these to it, a tenth of the page's time.
        self.after_row_url = f"?{self.preserved_filters}" if self.preserved_filters else ""
        self.preserved_filters = ""
        if ERROR_FLAG in request.GET:
            self.notices.append("The address held a filter that this list cannot use; it was left out.")

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet:
        unknown = self._unknown_parameters(request)
        # Links to another filter, order or search lead to its first page. There is no other time to drop these.
        for name in (*POSITION, ALL_VAR, *unknown):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        self.sortable_by = self._sortable_columns()
        queryset = super().get_queryset(request, exclude_parameters)
        self.notices = [*self._faults(unknown)]
        heavy = [
            name for name in heavy_fields_with(self.model, self.list_select_related) if name not in self.keyset.columns
        ]
        # Nothing rather than everything: an action on all rows of the list must not reach more than was asked for.
        return queryset.none() if self.notices else queryset.defer(*heavy)

    def _unknown_parameters(self, request: HttpRequest) -> list[str]:
        """Return the names in the address that are neither Django's nor those of a filter of this list."""
        return [
            name
            for name, value in request.GET.items()
            if name not in KNOWN and not self.model_admin.lookup_allowed(name, value, request)
        ]

    def _faults(self, unknown: list[str]) -> Iterator[str]:
        for name in unknown:
            yield f"This list has no filter “{name[:100]}”. No rows are shown."
        for spec in self.filter_specs:
            if error := getattr(spec, "error", ""):
                yield f"The filter by {spec.title} cannot be used. {error} No rows are shown."
        if "\x00" in self.request.GET.get(SEARCH_VAR, ""):
            yield "The search holds a null byte, which no text in the database does. No rows are shown."

    def _sortable_columns(self) -> list[Any]:
        return [name for name in self.list_display if self._order_of(name) in self.model_admin.sortable]

    def _order_of(self, displayed: Any) -> str:
        """Return the column by which a column of the list is sorted; "" for none."""
        field = self.get_ordering_field(displayed)
        return field if isinstance(field, str) else ""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        ordering = self.model_admin.get_ordering(request) or self.lookup_opts.ordering
        for index, direction in self.get_ordering_field_columns().items():
            if ORDER_VAR in self.params:
                ordering = [("-" if direction == "desc" else "") + self._order_of(self.list_display[index])]
        self.keyset = Keyset.of(self.model, list(ordering or ()))
        return self.keyset.order_by()

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """Return the number of the one column that the list is sorted by, and its direction."""
        columns = super().get_ordering_field_columns()
        able = {
            index: direction
            for index, direction in columns.items()
            if 0 <= index < len(self.list_display) and self.list_display[index] in self.sortable_by
        }
        return dict(list(able.items())[:1])

    def get_results(self, request: HttpRequest) -> None:
        self.page, count = Page([], False, False), RowCount.unknown()
        try:
            count, self.page = self._read()
        except DataError:
            self.notices.append("A value in the address is none that its column can be compared with.")
        except DatabaseError as error:
            if not timed_out(error):
                raise
            self.notices.append(TOO_SLOW.format(ROWS_TIMEOUT // 1000))
        self.result_list: Any = self.page.rows
        self.result_count = count
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.page.rows)
        self.can_show_all = False
        self.multi_page = self.page.has_next or self.page.has_previous

    def _read(self) -> tuple[RowCount, Page]:
        count = count_of(self.queryset)
        page = self._read_page(self._position(), *self._ways(count))
        return count if count is not None else _count_of_page(page), page

    def _ways(self, count: RowCount | None) -> tuple[Way, ...]:
        """Return how to read the rows, of which there are `count`: None if counting them took too long."""
        if not self.queryset.query.where:
            return (WALK,)
        if count is not None and count <= SORT_LIMIT:
            return (SORT,)
        # A walk that takes long passes many rows that are not asked for; then it is quicker to collect those that
        # are, unless there are very many of them.
        return BRIEF_WALK, BRIEF_SORT, WALK

    def _read_page(self, position: Position, way: Way, *others: Way) -> Page:
        """Read the page in the first way that does it in its time."""
        try:
            with statement_timeout(self.queryset.db, way.milliseconds):
                return read_page(self.queryset, self.keyset, position, self.list_per_page, sort=way.sort)
        except DatabaseError as error:
            if not others or not timed_out(error):
                raise
        return self._read_page(position, *others)

    def _position(self) -> Position:
        try:
            if AFTER in self.place:
                return Position("after", tuple(self.keyset.place(self.place[AFTER])))
            if BEFORE in self.place:
                return Position("before", tuple(self.keyset.place(self.place[BEFORE])))
        except BadToken:
            self.notices.append("The address names a place in another list or order: this is the first page.")
            return Position()
        return Position("last") if LAST in self.place else Position()

    def url_for_result(self, result: Any) -> str:
        return f"{row_url(self.opts.label, result.pk)}{self.after_row_url}"

    @property
    def page_links(self) -> list[tuple[str, str | None]]:
        """The names of the pages to go to, with their addresses; None where there is no such page."""
        rows, back, on = self.page.rows, self.page.has_previous, self.page.has_next
        return [
            ("First", self.get_query_string() if back else None),
            ("Previous", self.get_query_string({BEFORE: self.keyset.token(rows[0])}) if back and rows else None),
            ("Next", self.get_query_string({AFTER: self.keyset.token(rows[-1])}) if on and rows else None),
            ("Last", self.get_query_string({LAST: "1"}) if on else None),
        ]


def _count_of_page(page: Page) -> RowCount:
    """Return what a page tells of the number of rows, where counting them took too long."""
    rows = len(page.rows)
    return RowCount.more_than(rows) if page.has_previous or page.has_next else RowCount(rows)
