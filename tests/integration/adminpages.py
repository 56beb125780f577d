"""The admin as a browser sees it: every table with a row in it, the forms on its pages, and who asks for them."""

from collections.abc import Callable
from html.parser import HTMLParser
from itertools import count
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from nullstore.admin.readonly import ReadOnlyAdmin
from tests.integration import erebus_rows
from tests.integration.baresql import BareSQL

APPS: Final = ("erebus_app", "agents_app")
MODELS: Final = {model._meta.label: model for model in admin.site._registry if model._meta.app_label in APPS}
READ_ONLY: Final = {label for label in MODELS if isinstance(admin.site.get_model_admin(MODELS[label]), ReadOnlyAdmin)}
EDITABLE: Final = MODELS.keys() - READ_ONLY
#: A session is revoked, not edited: test_session_actions.py.
CHANGEABLE: Final = EDITABLE - {"erebus_app.AuthSession"}
#: Of these any row can be deleted. An API key must be revoked first: test_key_actions.py.
DELETABLE: Final = EDITABLE - {"erebus_app.AgentApiKey"}

agents = BareSQL("agents")
_serial = count(1)


def insert_replica(**columns: Any) -> Any:
    """Insert a user into the replica as replication does, past the guard."""
    agents.run("SET LOCAL session_replication_role = replica")
    key = agents.insert("user_references", **{"source_identifier": f"0x{next(_serial)}", "network": "base", **columns})
    agents.run("SET LOCAL session_replication_role = origin")
    return key


def insert_task(**columns: Any) -> Any:
    return agents.insert("tasks", **{"name": f"task {next(_serial)}", **columns})


def insert_agent(**columns: Any) -> Any:
    return agents.insert("agents", **{"name": f"agent {next(_serial)}", "agent_type": "llm", **columns})


def insert_engram(**columns: Any) -> Any:
    given = {"wallet_address": "0xabc", "engram_type": "persona", "key": f"a.b.n{next(_serial)}", "content": '{"a": 1}'}
    return agents.insert("engrams", **{**given, **columns})


def _insert_related_task() -> Any:
    return insert_task(user_id=insert_replica(), assigned_agent_id=insert_agent())


def _insert_transition() -> Any:
    return agents.value("SELECT id FROM task_transitions WHERE task_id = %s", [insert_task()])


def _insert_version() -> Any:
    return agents.insert("engram_history", engram_id=insert_engram(), version=next(_serial), content="[]")


def _insert_action() -> Any:
    return agents.insert("ops_actions", actor="ada", action="cancel", target_table="tasks", target_id="1")


_AGENTS: Final[dict[str, Callable[[], Any]]] = {
    "user_references": insert_replica,
    "agents": insert_agent,
    "tasks": _insert_related_task,
    "task_transitions": _insert_transition,
    "engrams": insert_engram,
    "engram_history": _insert_version,
    "ops_actions": _insert_action,
}


def insert_row(label: str) -> Any:
    """Insert a row by bare SQL, with rows of the tables it refers to; return its id."""
    meta = MODELS[label]._meta
    return erebus_rows.insert(meta.db_table)["id"] if meta.app_label == "erebus_app" else _AGENTS[meta.db_table]()


def page(label: str, name: str, *args: Any) -> str:
    """The address of an admin page: changelist, add, change, delete or history."""
    meta = MODELS[label]._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def superuser() -> Client:
    return _logged_in(User.objects.create_superuser(f"root{next(_serial)}"))


def viewer() -> Client:
    """A member of staff who may look at every table and change none."""
    user = User.objects.create_user(f"viewer{next(_serial)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_", content_type__app_label__in=APPS))
    return _logged_in(user)


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class _Fields(HTMLParser):
    """Collects what a browser would send of the form on an admin page."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self.textarea = self.select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        name = given.get("name") or ""
        if tag == "input" and name and given.get("type") not in ("submit", "button"):
            if given.get("type") != "checkbox":
                self.data[name] = given.get("value") or ""
            elif "checked" in given:
                self.data[name] = given.get("value") or "on"
        elif tag == "textarea":
            self.textarea = name
            self.data[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given or self.select not in self.data):
            # Where none is selected, a browser sends the first.
            self.data[self.select] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.data[self.textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # The line break right after the tag is no part of the text.
            self.data[self.textarea] = self.data[self.textarea].removeprefix("\r\n").removeprefix("\n")
            self.textarea = ""
        elif tag == "select":
            self.select = ""


def fields(response: HttpResponse) -> dict[str, str]:
    """What a browser would send if the person pressed "Save" at once."""
    assert response.status_code == 200
    parser = _Fields()
    parser.feed(response.content.decode().partition('<div id="content-main">')[2])
    return parser.data


def submit(client: Client, page_address: str, /, **changes: Any) -> HttpResponse:
    """Open a page, change these fields of its form and save."""
    return client.post(page_address, {**fields(client.get(page_address)), **changes})


def errors(response: HttpResponse) -> str:
    """The messages on a form that was shown again."""
    assert response.status_code == 200, response.headers
    return str(response.context["adminform"].form.errors.as_data())


def saved(response: HttpResponse, label: str) -> None:
    """Assert that the form was accepted."""
    assert response.status_code == 302, errors(response)
    assert response.headers["Location"] == page(label, "changelist")


def log_of(key: Any) -> list[int]:
    """The admin log's entries about the row: 1 = addition, 2 = change, 3 = deletion."""
    entries = LogEntry.objects.filter(object_id=str(key)).order_by("pk")
    return list(entries.values_list("action_flag", flat=True))


def record(label: str, key: Any) -> dict[str, Any]:
    """The row as JSON has it, by bare SQL."""
    meta = MODELS[label]._meta
    alias = "erebus" if meta.app_label == "erebus_app" else "agents"
    return BareSQL(alias).record(meta.db_table, key)
