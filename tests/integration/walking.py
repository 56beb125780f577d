"""Every address of the admin, who may go there, and what is in both databases before and after."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from axes.models import AccessAttempt, AccessFailureLog
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connections, models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from nullstore.databases import ALIASES
from nullstore.door.models import TotpDevice
from tests.integration.adminpages import APPS, insert_row
from tests.integration.baresql import BareSQL

#: What the groups may do beside looking at every table of both apps.
MAY: Final[dict[str, set[str]]] = {
    "Viewer": set(),
    "Operator": {
        "erebus_app.change_userreference",
        "erebus_app.change_authsession",
        "erebus_app.add_verificationrun",
        "erebus_app.change_listing",
        "erebus_app.change_review",
        "erebus_app.delete_review",
        "agents_app.add_agent",
        "agents_app.change_agent",
        "agents_app.add_task",
        "agents_app.change_task",
        "agents_app.add_engram",
        "agents_app.change_engram",
    },
    "Key custodian": {f"erebus_app.{right}_agentapikey" for right in ("add", "change", "delete", "reveal")},
}


#: Written by every visit, and no business of the tables that staff look at.
_NOT_COMPARED: Final = {"django_session", "django_migrations"}


@dataclass(frozen=True)
class Address:
    """One address of the admin: the name of its URL, of which model it is, what is done there, and to which row."""

    name: str
    path: str
    model: type[models.Model] | None = None
    kind: str = ""
    key: Any = None

    @property
    def label(self) -> str:
        return self.model._meta.label if self.model else ""


@dataclass
class Rows:
    """One row of every table of the admin."""

    keys: dict[type[models.Model], Any] = field(default_factory=dict)

    @classmethod
    def insert(cls) -> "Rows":
        keys = {model: insert_row(model._meta.label) for model in admin.site._registry if model._meta.app_label in APPS}
        account = User.objects.create_user("account")
        attempt = {"username": "root", "ip_address": "192.0.2.1"}
        others = (
            account,
            Group.objects.create(name="group"),
            AccessAttempt.objects.create(**attempt, failures_since_start=5),
            AccessFailureLog.objects.create(**attempt),
            second_factor(account),
        )
        return cls({**keys, **{type(row): row.pk for row in others}})


def addresses(rows: Rows) -> list[Address]:
    """Every address below /admin/, from the resolver: what anybody adds is found."""
    [site] = [each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin"]
    return [address for pattern, prefix in _patterns(site, "") for address in _addresses(pattern, prefix, rows)]


def _patterns(resolver: URLResolver, prefix: str) -> Iterator[tuple[URLPattern, str]]:
    inside = prefix + str(resolver.pattern)
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _patterns(each, inside)
        else:
            yield each, inside


def _addresses(pattern: URLPattern, prefix: str, rows: Rows) -> Iterator[Address]:
    route, name = str(pattern.pattern), pattern.name or ""
    if name == "app_list":
        yield from (Address(f"{name}:{label}", f"/{prefix}{label}/") for label in (*APPS, "auth", "axes", "door"))
    elif name == "autocomplete":
        query = "app_label=agents_app&model_name=task&field_name=assigned_agent&term="
        yield Address(name, f"/{prefix}{route}?{query}")
    elif route == "(?P<url>.*)$":
        yield Address("unknown address", f"/{prefix}no/such/page/")
    else:
        model = next((each for each in rows.keys if prefix.endswith(f"/{_folder(each)}/")), None)
        key = rows.keys[model] if model else rows.keys[User]
        values = {"object_id": key, "content_type_id": ContentType.objects.get_for_model(model or User).pk, "id": key}
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), route)
        yield Address(name, f"/{prefix}{filled}", model, _kind(name, route, model), key)


def _folder(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}"


def _kind(name: str, route: str, model: type[models.Model] | None) -> str:
    """What is done there: changelist, add, ..., the name of an action, or "old" for the address without a name."""
    if model is None:
        return ""
    return name.removeprefix(f"{model._meta.app_label}_{model._meta.model_name}_") or "old"


def digests() -> dict[str, str]:
    """A digest of the rows of every table of both databases."""
    return {
        f"{alias}.{table}": digest
        for alias in ALIASES
        for table, digest in BareSQL(alias).rows(" UNION ALL ".join(map(_digest, _tables(alias))))
    }


def _tables(alias: str) -> list[str]:
    with connections[alias].cursor() as cursor:
        return sorted(set(connections[alias].introspection.table_names(cursor)) - _NOT_COMPARED)


def _digest(table: str) -> str:
    return f"SELECT '{table}', coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{table}\" t"


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is written inside. Savepoints, not atomic(): a durable transaction must not know of it."""
    points = {alias: transaction.savepoint(using=alias) for alias in ALIASES}
    try:
        yield
    finally:
        for alias, point in points.items():
            transaction.savepoint_rollback(point, using=alias)


def member(name: str, group: str | None = None, **attributes: Any) -> User:
    """Somebody with an account, in this group."""
    user = User.objects.create_user(name, password=name, **attributes)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def second_factor(user: User) -> TotpDevice:
    """A device of theirs that nobody holds."""
    return TotpDevice.objects.create(user=user, name="authenticator app", secret=b"")


def session_of(user: User | None, *, verified: bool = True) -> str | None:
    """Log `user` in, who has a second factor, and has shown it or not; return the key of the session."""
    if user is None:
        return None
    client = Client()
    client.force_login(user)
    session, device = client.session, second_factor(user)
    if verified:
        session["nullstore_two_factor"] = str(device.pk)
        session.save()
    return client.cookies["sessionid"].value


def visitor(session: str | None) -> Client:
    """A browser with this session, that knows nothing of earlier visits."""
    client = Client()
    if session:
        client.cookies["sessionid"] = session
    return client
