"""What migrations declare about a publication and a subscription, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table of the schema public. `columns` None publishes all of them, `where` None every row."""

    name: str
    columns: tuple[str, ...] | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class PublicationSpec:
    """A publication: its tables, the commands that it carries, and PostgreSQL's other options by name."""

    name: str
    tables: tuple[PublishedTable, ...]
    publish: tuple[str, ...] = ("insert", "update", "delete")
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table_names(self) -> frozenset[str]:
        return frozenset(table.name for table in self.tables)


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """A subscription: the publication that it follows, the publisher's alias, and PostgreSQL's options by name."""

    name: str
    publication: str
    publisher: str
    options: Mapping[str, Any] = field(default_factory=dict)
