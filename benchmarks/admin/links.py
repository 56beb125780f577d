"""What a person can click on a page of the admin, and where on the page it is."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass(frozen=True)
class Link:
    """A link: its address as the page has it, its words, and the ids and classes of the elements around it."""

    address: str
    text: str
    around: frozenset[str]


@dataclass
class Form:
    """A form: where it goes, how, its fields with their values, the values offered in its lists, what is around it."""

    address: str
    method: str
    around: frozenset[str]
    fields: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    offers: dict[str, list[str]] = field(default_factory=dict)


class Contents(HTMLParser):
    """Collects the links and forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.forms: list[Form] = []
        self._open: list[tuple[str, frozenset[str]]] = []
        self._link: dict[str, Any] | None = None
        self._form: Form | None = None
        self._select = ""
        self.feed(html)

    @property
    def _around(self) -> frozenset[str]:
        return frozenset().union(*(names for _, names in self._open))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag not in _VOID:
            self._open.append((tag, frozenset({tag, given.get("id", ""), *given.get("class", "").split()})))
        if tag == "a" and "href" in given:
            self._link = {"address": given["href"], "text": "", "around": self._around}
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower(), self._around)
            self.forms.append(self._form)
        elif self._form is not None:
            self._add_field(self._form, tag, given)

    def _add_field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name:
            form.fields.setdefault(name, given.get("value", ""))
            form.types[name] = given.get("type", "text")
        elif tag == "select":
            self._select = name
            form.fields.setdefault(name, "")
            form.types[name] = "select"
        elif tag == "option" and self._select:
            form.offers.setdefault(self._select, []).append(given.get("value", ""))
            if "selected" in given:
                form.fields[self._select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._link["text"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self._link["text"] = " ".join(self._link["text"].split())
            self.links.append(Link(**self._link))
            self._link = None
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        if tag in (name for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass
