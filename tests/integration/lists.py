"""What the tests of lists share: a page as staff sees it, and how to walk through all pages."""

from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from tests.integration.adminpages import page


class Shown:
    """One page of a list."""

    def __init__(self, client: Client, label: str, query: str = "") -> None:
        self.client, self.label = client, label
        self.response = client.get(page(label, "changelist") + query)
        assert self.response.status_code == 200, self.response.headers
        self.changes = self.response.context["cl"]
        self.text = unescape(self.response.content.decode())

    @property
    def keys(self) -> list[Any]:
        return [row.pk for row in self.changes.result_list]

    @property
    def count(self) -> str:
        return str(self.changes.result_count)

    @property
    def notices(self) -> list[str]:
        assert [notice for notice in self.changes.notices if notice not in self.text] == []
        return list(self.changes.notices)

    @property
    def links(self) -> dict[str, str | None]:
        return dict(self.changes.page_links)

    def follow(self, name: str) -> "Shown":
        """Go to the first, previous, next or last page, by its link on this one."""
        address = self.links[name]
        assert address is not None, f"there is no link to the {name.lower()} page"
        assert f'href="{address}"' in self.text
        return Shown(self.client, self.label, address)

    def walk(self, name: str) -> Iterator["Shown"]:
        """This page and all those that its links `name` lead to."""
        shown = self
        yield shown
        while shown.links[name]:
            shown = shown.follow(name)
            yield shown


def listed(client: Client, label: str, **parameters: Any) -> Shown:
    """The list with these parameters in its address."""
    return Shown(client, label, f"?{urlencode(parameters)}")
