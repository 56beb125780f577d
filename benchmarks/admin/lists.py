"""The pages of a list: what its links and forms lead to, so that a filter or sort added later is measured, too."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.urls import reverse

from benchmarks.admin import values
from benchmarks.admin.links import Contents, Form
from benchmarks.admin.pairs import PAIRS
from benchmarks.admin.stock import equivalent, naive
from benchmarks.admin.visits import Failed, Page, Visitor

Parameters = tuple[tuple[str, str], ...]


@dataclass
class ListPages:
    """The list of one table."""

    visitor: Visitor
    model_admin: admin.ModelAdmin

    @property
    def model(self) -> type[models.Model]:
        return self.model_admin.model

    @cached_property
    def address(self) -> str:
        return reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")

    def contents(self, address: str) -> Contents:
        """Return what is on a page; nothing if it does not come: its own measurement says so."""
        try:
            return Contents(self.visitor.html(address))
        except Failed:
            return Contents("")

    @cached_property
    def first(self) -> Contents:
        return self.contents(self.address)

    def page(self, kind: str, name: str, address: str, stock: str | None = None) -> Page:
        return Page(self.model._meta.label, kind, name, urljoin(self.address, address), stock=stock)

    def filtered(self) -> list[tuple[str, Parameters]]:
        """Return the filters one can choose, each alone: its name and its parameters."""
        links = [
            parse_qsl(urlsplit(link.address).query)
            for link in self.first.links
            if "changelist-filter" in link.around and link.address.startswith("?")
        ]
        typed = [
            fields for form in self.first.forms if "changelist-filter" in form.around for fields in self._typed(form)
        ]
        chosen = [tuple(each) for each in (*links, *typed) if each]
        return [(urlencode(each), each) for each in dict.fromkeys(chosen)]

    def _typed(self, form: Form) -> Iterator[list[tuple[str, str]]]:
        """Yield what one might type into a form beside the list."""
        texts = [name for name, type_ in form.types.items() if type_ in ("text", "search", "number")]
        dates = [name for name, type_ in form.types.items() if type_.startswith("date")]
        if dates:
            for days in (2, 400):
                yield self._submitted(form, dict(zip(dates, values.window(form.types[dates[0]], days), strict=False)))
        for name in texts:
            for _, text in values.exact(self._field_of(name)):
                yield self._submitted(form, {name: text})
        for name, offered in form.offers.items():
            yield from (self._submitted(form, {name: value}) for value in offered if value)

    def _submitted(self, form: Form, typed: dict[str, str]) -> list[tuple[str, str]]:
        return [(name, value) for name, value in {**form.fields, **typed}.items() if value]

    def _field_of(self, parameter: str) -> Any:
        """Return the column that a parameter of the list's address names, with or without a lookup; None for none."""
        for name in (parameter, parameter.rpartition(LOOKUP_SEP)[0], parameter.partition(LOOKUP_SEP)[0]):
            try:
                return self.model._meta.get_field(name)
            except FieldDoesNotExist:
                continue
        return None

    def searched(self) -> list[tuple[str, Parameters]]:
        """Return searches by the beginning of the key and of every field that the list searches, and by whole ids."""
        fields = dict.fromkeys(["pk", *map(naive, self.model_admin.search_fields)])
        by_text = [(name, values.prefixes(_field(self.model, name))) for name in fields]
        ids = getattr(self.model_admin, "search_ids", ())
        by_id = [(name, values.exact(_field(self.model, name))) for name in ids]
        found = {text: f"{name}: {what}" for name, texts in (*by_text, *by_id) for what, text in texts}
        return [(f"{name} {text!r}", (("q", text),)) for text, name in found.items()]

    def pages(self) -> Iterator[Page]:
        """Yield all of them."""
        yield self.page("list", "first page", self.address, self._stock(()))
        yield from self._turned("list", "", self.address, ())
        filtered, searched = self.filtered(), self.searched()
        pairs, turned = self._pairs(filtered, searched), set(self._pairs(filtered, searched, ends=True))
        for kind, choices in (("filter", filtered), ("search", searched), ("pair", pairs)):
            for name, parameters in choices:
                address = self._with(parameters)
                yield self.page(kind, name, address, self._stock(parameters))
                if kind != "pair" or (name, parameters) in turned:
                    yield from self._turned(kind, name, address, parameters)
        yield from self._sorted()
        yield from self._bulk(filtered)

    def _with(self, parameters: Parameters) -> str:
        return f"{self.address}?{urlencode(parameters)}"

    def _stock(self, parameters: Parameters, **more: str) -> str | None:
        return equivalent(self.model, parameters, **more)

    def _pairs(
        self, filtered: list[tuple[str, Parameters]], searched: list[tuple[str, Parameters]], *, ends: bool = False
    ) -> Iterator[tuple[str, Parameters]]:
        """Yield the pairs of all values, or of the first and last ones only: those whose pages are turned."""
        choices = [parameters for _, parameters in (*filtered, *searched)]
        for pair in PAIRS.get(self.model._meta.label, ()):
            ones, others = ([each for each in choices if each[0][0].startswith(start)] for start in pair)
            if not (ones and others):
                raise LookupError(f"{self.address} has no filters {' and '.join(pair)}: see benchmarks/admin/pairs.py")
            if ends:
                ones, others = ones[:: max(1, len(ones) - 1)], others[:: max(1, len(others) - 1)]
            for one, other in product(ones, others):
                yield urlencode((*one, *other)), (*one, *other)

    def _turned(self, kind: str, name: str, address: str, parameters: Parameters) -> Iterator[Page]:
        """Yield the pages that one turns to: the next, the one before it, and the last; of the list those around it."""
        starts = dict(self._pagers(address))
        found = [(what, starts[what]) for what in ("next", "last") if what in starts]
        around = found if kind == "list" else found[:1]
        found += [(f"{what} of {start}", link) for start, page in around for what, link in self._pagers(page)]
        if kind != "list":
            found = [(what, link) for what, link in found if what in ("next", "last", "previous of next")]
        for link, what in {link: what for what, link in reversed(found)}.items():
            stock = self._stock(parameters, turned=what.split()[0]) if kind == "list" else None
            yield self.page(f"{kind}, page turned", f"{name} {what}".strip(), link, stock)

    def _pagers(self, address: str) -> Iterator[tuple[str, str]]:
        contents = self.first if address == self.address else self.contents(address)
        for link in contents.links:
            what = next((word for word in _TURNS if word in link.text.lower()), None)
            if what and link.around & {"ns-pages", "paginator"}:
                yield what, urljoin(self.address, link.address)

    def _sorted(self) -> Iterator[Page]:
        """Yield the list by each column that it can be sorted by, in both directions."""
        once = dict.fromkeys(self._sorts(self.first))
        for name, address in (*once, *(each for _, first in once for each in self._sorts(self.contents(first)))):
            order = dict(parse_qsl(urlsplit(address).query)).get("o", "")
            if order and "." not in order:
                sort = f"{'-' if order.startswith('-') else ''}{name}"
                yield self.page("sort", sort, address, self._stock((), sort=sort))

    def _sorts(self, contents: Contents) -> Iterator[tuple[str, str]]:
        for link in contents.links:
            if "thead" in link.around and link.address.startswith("?"):
                column = next((name for name in link.around if name.startswith("column-")), "column-?")
                yield column.removeprefix("column-"), urljoin(self.address, link.address)

    def _bulk(self, filtered: list[tuple[str, Parameters]]) -> Iterator[Page]:
        """Yield the pages that ask before something is done to many rows: to one that is ticked, and to all."""
        lists = [("", self.address), *((name, self._with(parameters)) for name, parameters in filtered[:1])]
        for name, address in lists:
            contents = self.first if address == self.address else self.contents(address)
            form = next((form for form in contents.forms if "changelist-form" in form.around), None)
            if form is None or ACTION_CHECKBOX_NAME not in form.fields:
                continue
            for action, across in product(filter(None, form.offers.get("action", [])), ("0", "1")):
                ticked = (ACTION_CHECKBOX_NAME, form.fields[ACTION_CHECKBOX_NAME])
                data = (("action", action), ("select_across", across), ("index", "0"), ticked)
                what = f"{action} {'all' if across == '1' else 'one'} {name}"
                yield replace(self.page("bulk", what, address), data=data)


_TURNS = ("next", "previous", "first", "last")


def pages_of_list(visitor: Visitor, model_admin: admin.ModelAdmin) -> Iterator[Page]:
    """Yield the pages of the list of a table."""
    yield from ListPages(visitor, model_admin).pages()


def _field(model: type[models.Model], path: str) -> Any:
    for name in path.split(LOOKUP_SEP):
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        model = field.related_model or model
    return field
