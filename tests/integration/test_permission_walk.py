"""Every address of the admin, as everybody, by GET and POST: who may gets there, who may not changes nothing.

An address that is not decided on here fails. New row actions go into ACTIONS, other new pages into PAGES.
"""

import io
import logging
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import models
from django.http import HttpResponse

from nullstore.admin.readonly import ReadOnlyAdmin
from tests.integration.adminpages import EDITABLE
from tests.integration.runtime_roles import as_runtime_roles
from tests.integration.walking import MAY, Address, Rows, addresses, digests, member, session_of, undone, visitor

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

ANYONE, STAFF, NOBODY = "anyone", "staff", "nobody"


class Page(NamedTuple):
    """What one needs to look at a page (GET) and to send something to it (POST): a permission, or a word from above."""

    get: str
    post: str


#: Pages that belong to no table.
PAGES: Final = {
    "index": Page(STAFF, STAFF),
    "login": Page(ANYONE, ANYONE),
    "logout": Page(NOBODY, STAFF),
    "password_change": Page(STAFF, STAFF),
    "password_change_done": Page(STAFF, NOBODY),
    "jsi18n": Page(STAFF, NOBODY),
    "autocomplete": Page("agents_app.view_agent", NOBODY),
    # No row has a page on another site.
    "view_on_site": Page(NOBODY, NOBODY),
    "unknown address": Page(NOBODY, NOBODY),
    "app_list:erebus_app": Page("erebus_app.view_wallet", "erebus_app.view_wallet"),
    "app_list:agents_app": Page("agents_app.view_task", "agents_app.view_task"),
    "app_list:auth": Page("auth.view_user", "auth.view_user"),
    "app_list:axes": Page("axes.view_accessattempt", "axes.view_accessattempt"),
    "app_list:door": Page("door.view_totpdevice", "door.view_totpdevice"),
    # Everybody but HALFWAY has shown the second factor.
    "two_factor": Page(STAFF, STAFF),
    "two_factor_code": Page(STAFF, STAFF),
    "two_factor_set_up": Page(STAFF, STAFF),
    "two_factor_leave": Page(NOBODY, STAFF),
    "replication": Page("erebus_app.view_verificationrun", NOBODY),
    "replication_status": Page("erebus_app.view_verificationrun", NOBODY),
    "replication_codes": Page("erebus_app.view_verificationrun", NOBODY),
    "replication_verify": Page(NOBODY, "erebus_app.add_verificationrun"),
}

#: What can be done to a row: the permission beside that to look at it.
ACTIONS: Final = {
    ("erebus_app.AgentApiKey", "rotate"): "erebus_app.change_agentapikey",
    ("erebus_app.AgentApiKey", "revoke"): "erebus_app.change_agentapikey",
    ("erebus_app.AgentApiKey", "reveal"): "erebus_app.reveal_agentapikey",
    ("erebus_app.UserReference", "deactivate"): "erebus_app.change_userreference",
    ("erebus_app.UserReference", "reactivate"): "erebus_app.change_userreference",
    ("erebus_app.UserReference", "revoke_sessions"): "erebus_app.change_userreference",
    ("erebus_app.AuthSession", "revoke"): "erebus_app.change_authsession",
    **{
        ("erebus_app.Listing", action): "erebus_app.change_listing"
        for action in ("approve", "reject", "feature", "unfeature", "activate", "deactivate", "reopen")
    },
    **{("agents_app.Task", action): "agents_app.change_task" for action in ("cancel", "assign", "set-priority")},
    ("agents_app.Task", "retry"): "agents_app.add_task",
    **{("agents_app.Engram", action): "agents_app.change_engram" for action in ("revert", "publish", "unpublish")},
    ("agents_app.Engram", "fork"): "agents_app.add_engram",
    ("auth.User", "password_change"): "auth.change_user",
    ("axes.AccessAttempt", "unlock"): "axes.delete_accessattempt",
    ("door.TotpDevice", "remove"): "door.delete_totpdevice",
}

#: What nobody may do: accounts are deactivated, for the log would go with them; sessions are revoked.
NEVER: Final = {("auth.User", "delete"), ("erebus_app.AuthSession", "change")}

#: A superuser who has given his password, and not the second factor: nobody yet.
HALFWAY: Final = "halfway"
ROLES: Final = ("anonymous", "no staff", HALFWAY, "no group", *MAY, "superuser")
OUTSIDE: Final = {"anonymous", "no staff", HALFWAY}
DATA: Final = {"post": "yes", "confirmed": "yes", "reason": "walked by", "name": "x", "password": "x"}


def may(role: str, need: str) -> bool:
    if need in {ANYONE, NOBODY}:
        return need == ANYONE
    if role in OUTSIDE:
        return False
    if need == STAFF or role == "superuser":
        return True
    app, _, right = need.partition(".")
    looks = right.startswith("view_") and app in {"erebus_app", "agents_app"}
    return role in MAY and (looks or need in MAY[role])


def is_read_only(model: type[models.Model]) -> bool:
    return isinstance(admin.site.get_model_admin(model), ReadOnlyAdmin)


def page_of(address: Address) -> Page:
    """What one needs there; fails for an address that nobody has decided on."""
    if address.model is None:
        assert address.name in PAGES, f"{address.path} is new: say in PAGES of this file who may go there."
        return PAGES[address.name]
    if (address.label, address.kind) in ACTIONS:
        need = ACTIONS[address.label, address.kind]
        return Page(need, need)
    meta = address.model._meta
    rights = {right: f"{meta.app_label}.{right}_{meta.model_name}" for right in ("view", "add", "change", "delete")}
    if is_read_only(address.model):
        rights |= dict.fromkeys(("add", "change", "delete"), NOBODY)
    # Not by way of a form, whoever asks.
    rights |= {right: NOBODY for label, right in NEVER if label == address.label}
    known = {
        "changelist": Page(rights["view"], NOBODY if is_read_only(address.model) else rights["view"]),
        "history": Page(rights["view"], rights["view"]),
        "add": Page(rights["add"], rights["add"]),
        "change": Page(rights["view"], rights["change"]),
        "delete": Page(rights["delete"], rights["delete"]),
        # Leads to the page of the row, whoever asks.
        "old": Page(STAFF, STAFF),
    }
    assert address.kind in known, f"{address.path} is new: say in ACTIONS of this file who may do that."
    return known[address.kind]


def verdict(response: HttpResponse) -> str:
    """In one word what came of a visit."""
    if response.status_code == 302:
        place = response.headers["Location"].partition("?")[0]
        return {"/admin/login/": "login", "/admin/": "index"}.get(place, "yes")
    return {200: "yes", 403: "no", 404: "no", 405: "no"}.get(response.status_code, str(response.status_code))


def expected(role: str, address: Address, need: str) -> set[str]:
    if address.name in {"login", "logout"}:
        # Who is logged in need not log in, and who is not cannot log out.
        return {"yes", "index", "no"}
    if address.name == "two_factor_leave":
        # Leads to the login, whoever sends it.
        return {"login", "no"}
    if may(role, need):
        # Who has shown the second factor is not asked for it.
        return {"index" if address.name == "two_factor_code" else "yes"}
    if role == HALFWAY and address.name.startswith("two_factor"):
        return {"yes"}
    return {"login"} if role in OUTSIDE else {"no"}


def worth_a_visit(role: str, need: str) -> bool:
    """Operators and key custodians look at tables by the same permissions as viewers: once is enough."""
    return role not in {"Operator", "Key custodian"} or ".view_" not in need


def data_for(address: Address) -> dict[str, Any]:
    return {**DATA, "new_secret": "sk-walked-by-0123456789", "_selected_action": [str(address.key)]}


@pytest.fixture
def rows(runtime_roles: None, db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Rows]:
    settings.NULLSTORE_TWO_FACTOR = True
    call_command("ensure_groups", stdout=io.StringIO())
    logging.disable(logging.WARNING)  # a line and a traceback for each of a thousand refusals
    monkeypatch.setattr("nullstore.admin.replication.verifying.start", lambda requested_by: None)
    inserted = Rows.insert()
    with as_runtime_roles():
        yield inserted
    logging.disable(logging.NOTSET)


@pytest.fixture
def session(role: str, settings: Any) -> str | None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if role == "anonymous":
        return None
    root = role in {HALFWAY, "superuser"}
    who = member(role, role if role in MAY else None, is_staff=role != "no staff", is_superuser=root)
    return session_of(who, verified=role != HALFWAY)


def test_every_address_is_decided_on(rows: Rows) -> None:
    found = addresses(rows)
    for address in found:
        page_of(address)
    decided = {(address.label, address.kind) for address in found}
    assert ACTIONS.keys() - decided == set(), "There are no such actions any more."
    assert PAGES.keys() - {address.name for address in found} == set(), "There are no such pages any more."


@pytest.mark.parametrize("role", ROLES)
def test_looking_is_for_those_who_may_and_changes_nothing(role: str, rows: Rows, session: str | None) -> None:
    before = digests()
    wrong = []
    for address in addresses(rows):
        need = page_of(address).get
        if not worth_a_visit(role, need):
            continue
        found = verdict(visitor(session).get(address.path))
        if found not in (right := expected(role, address, need)):
            wrong.append(f"GET {address.path}: {found}, not {' or '.join(right)}")
    assert wrong == []
    assert digests() == before


@pytest.mark.parametrize("role", ROLES)
def test_sending_is_for_those_who_may_and_else_changes_nothing(role: str, rows: Rows, session: str | None) -> None:
    before = digests()
    wrong = []
    for address in addresses(rows):
        need = page_of(address).post
        if not worth_a_visit(role, need):
            continue
        # Who leaves would be somebody else at all the addresses that follow.
        if may(role, need) or address.name == "two_factor_leave":
            with undone():
                found = verdict(visitor(session).post(address.path, data_for(address)))
        else:
            found = verdict(visitor(session).post(address.path, data_for(address)))
        if found not in (right := expected(role, address, need)):
            wrong.append(f"POST {address.path}: {found}, not {' or '.join(right)}")
    assert wrong == []
    assert digests() == before


def bulk_actions(rows: Rows) -> Iterator[tuple[Address, str]]:
    """What can be done to many rows of each list, whoever is offered it."""
    for address in addresses(rows):
        if address.kind == "changelist" and address.label in EDITABLE:
            names = [name for label, name in ACTIONS if label == address.label]
            yield from ((address, name) for name in ("delete_selected", *names))


@pytest.mark.parametrize("role", ROLES)
def test_doing_it_to_many_is_for_those_who_may(role: str, rows: Rows, session: str | None) -> None:
    before = digests()
    for address, name in bulk_actions(rows):
        assert address.model is not None
        meta = address.model._meta
        need = ACTIONS.get((address.label, name), f"{meta.app_label}.delete_{meta.model_name}")
        if not may(role, need):
            visitor(session).post(address.path, {**data_for(address), "action": name})
    assert digests() == before
