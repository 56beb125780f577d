"""The pages of single rows, and whatever these link to beneath their own address: history, actions, comparisons."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from benchmarks.admin.links import Contents
from benchmarks.admin.rows import rows_of
from benchmarks.admin.stock import SITE
from benchmarks.admin.visits import Failed, Page, Visitor
from nullstore import conf
from nullstore.admin import start

#: A page of a row that has choices in its address is visited with so many of them.
MOST = 4


def pages_of_rows(visitor: Visitor, model_admin: admin.ModelAdmin) -> Iterator[Page]:
    """Yield the pages of some rows of a table, the heaviest among them."""
    model = model_admin.model
    for name, key in rows_of(model):
        address = _address("admin", model, "change", key)
        yield Page(model._meta.label, "row", name, address, stock=_stock(model, "change", key))
        for beneath in _beneath(visitor, address):
            what = urlsplit(beneath).path.removeprefix(address.removesuffix("change/")).strip("/") or "?"
            known = what if what in ("history", "delete") else None
            stock = _stock(model, known, key) if known else None
            yield Page(model._meta.label, _kind(what), f"{name}: {what}{_query(beneath)}", beneath, stock=stock)


def add_page(model_admin: admin.ModelAdmin) -> Iterator[Page]:
    """Yield the empty form, if rows can be added."""
    model = model_admin.model
    request = HttpRequest()
    request.user = User(is_superuser=True, is_active=True)
    if not model_admin.has_add_permission(request):
        return
    yield Page(model._meta.label, "add", "empty form", _address("admin", model, "add"), stock=_stock(model, "add"))


def _kind(what: str) -> str:
    return {"history": "history", "delete": "delete"}.get(what, "of a row")


def _query(address: str) -> str:
    query = urlsplit(address).query
    return f"?{query}" if query else ""


def _beneath(visitor: Visitor, address: str) -> list[str]:
    """Return the addresses on a row's page that lie beneath its own: of each page MOST at most."""
    try:
        contents = Contents(visitor.html(address))
    except Failed:
        return []
    own = address.removesuffix("change/")
    found: dict[str, list[str]] = {}
    for link in contents.links:
        target = urljoin(address, link.address).partition("#")[0]
        others = found.setdefault(target.partition("?")[0], [])
        if target.startswith(own) and target not in (address, own, *others) and len(others) < MOST:
            others.append(target)
    return [each for others in found.values() for each in others]


def _stock(model: type[models.Model], name: str, *keys: Any) -> str | None:
    return _address("stock", model, name, *keys) if model in SITE._registry else None


def _address(site: str, model: type[models.Model], name: str, *keys: Any) -> str:
    args = [quote(key) for key in keys]
    return reverse(f"{site}:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def offered() -> dict[type[models.Model], admin.ModelAdmin]:
    """Return the tables of the site with their admins; that of second factors has no page while they are off."""
    return {
        model: model_admin
        for model, model_admin in admin.site._registry.items()
        if conf.two_factor() or model._meta.app_label != "door"
    }


def site_pages(visitor: Visitor) -> Iterator[Page]:
    """Yield the pages of the site that belong to no table and no row: those whose address has no parameters."""
    lists = {_address("admin", model, "changelist") for model in admin.site._registry}
    for pattern in admin.site.get_urls():
        name = getattr(pattern, "name", None)
        if not name or name in _NOT_TO_VISIT or (name.startswith("two_factor") and not conf.two_factor()):
            continue
        with suppress(NoReverseMatch):
            address = reverse(f"admin:{name}")
            if address not in lists and visitor.status(address) != _ONLY_POST:
                yield Page("site", "page", name, address, stock=reverse("stock:index") if name == "index" else None)
    yield Page("site", "page", "index, counted anew", reverse("admin:index"), before=start.expire)
    for label in sorted({model._meta.app_label for model in offered()}):
        yield Page("site", "page", f"app {label}", reverse("admin:app_list", args=[label]))


_ONLY_POST = 405
#: They log in or out, or answer only with parameters.
_NOT_TO_VISIT = {"login", "logout", "password_change_done", "autocomplete", "view_on_site", "app_list"}
