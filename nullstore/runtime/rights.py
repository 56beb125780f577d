"""Which rights the runtime role has on what: declared here, by table, for both databases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.apps import apps

from nullstore.databases import AGENTS, EREBUS, HOMES, USER_SYNC

READ: Final = frozenset({"SELECT"})
APPEND: Final = READ | {"INSERT"}
EDIT: Final = APPEND | {"UPDATE"}
WRITE: Final = EDIT | {"DELETE"}

#: What differs from WRITE. Triggers write the trails with the rights of whoever writes the row: hence INSERT there.
_LESS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    # The log of what staff did; accounts are deactivated, never deleted; the rest is written by migrate.
    (EREBUS, "django_admin_log"): APPEND,
    (EREBUS, "auth_user"): EDIT,
    (EREBUS, "auth_permission"): READ,
    (EREBUS, "django_content_type"): READ,
    (EREBUS, "secret_access_log"): APPEND,
    # Failed logins. What is counted is deleted after a login, and to unlock; what is kept is not the web's to remove.
    (EREBUS, "axes_accessfailurelog"): APPEND,
    (EREBUS, "axes_accesslog"): READ,
    (AGENTS, "ops_actions"): APPEND,
    (AGENTS, "engram_history"): APPEND,
    # Who deletes a task in the admin deletes its trail with it.
    (AGENTS, "task_transitions"): APPEND | {"DELETE"},
}

#: Functions that PUBLIC may not call, with their arguments. The first tells how far the replica is, which waiting for
#: it needs. The others tell since when a slot stands still; pg_monitor would do, and show everybody's queries, too.
FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    AGENTS: ("pg_replication_origin_progress(text, boolean)",),
    EREBUS: ("pg_ls_waldir()", "pg_ls_replslotdir(text)"),
}


@dataclass(frozen=True, order=True, slots=True)
class Right:
    """One privilege on one object. `kind` is as GRANT spells it: TABLE, SEQUENCE, SCHEMA, DATABASE, FUNCTION."""

    kind: str
    name: str
    privilege: str

    def __str__(self) -> str:
        return f"{self.privilege} on {self.kind.lower()} {self.name}"


def table_rights(alias: str) -> dict[str, frozenset[str]]:
    """Return the privileges on each table of the database `alias`."""
    replicas = {apps.get_model(model.replica)._meta.db_table for model in USER_SYNC.models}
    found = {"django_migrations": READ}
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if model._meta.managed and HOMES.get(model._meta.app_label) == alias:
            found[table] = _LESS.get((alias, table), WRITE)
            if alias == USER_SYNC.subscriber and table in replicas:
                found[table] = READ
    return found


def wanted_rights(alias: str, database: str, tables: set[str], sequences: set[str]) -> set[Right]:
    """Return the rights on the tables and sequences that are there; a table that has none yet is not asked for."""
    rights = {Right("DATABASE", database, "CONNECT"), Right("SCHEMA", "public", "USAGE")}
    rights |= {Right("SEQUENCE", name, "USAGE") for name in sequences}
    rights |= {Right("FUNCTION", function, "EXECUTE") for function in FUNCTIONS[alias]}
    for table, privileges in table_rights(alias).items():
        if table in tables:
            rights |= {Right("TABLE", table, privilege) for privilege in privileges}
    return rights
