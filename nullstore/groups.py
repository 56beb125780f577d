"""The groups of staff, and what each may do to which table: the one place that says so.

Nobody in a group may do anything to the accounts of staff themselves (auth): that is for superusers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import transaction

from nullstore.databases import EREBUS
from nullstore.exceptions import NullstoreError

VIEWER: Final = "Viewer"
OPERATOR: Final = "Operator"
KEY_CUSTODIAN: Final = "Key custodian"
GROUPS: Final = (VIEWER, OPERATOR, KEY_CUSTODIAN)
#: What each is for, as somebody is told who is in none of them.
PURPOSES: Final[Mapping[str, str]] = {
    VIEWER: "looks at every table, and at how replication is",
    OPERATOR: "also works on users, sessions, agents, tasks, engrams, listings and reviews",
    KEY_CUSTODIAN: "also looks after the keys of LLM providers",
}
#: The permission to see how replication is and where the databases are: that to look at its comparisons, RIGHTS below.
SEES_REPLICATION: Final = "erebus_app.view_verificationrun"
#: The apps whose models are staff's business.
APPS: Final = ("erebus_app", "agents_app")

_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}

#: By model what a group may do beside looking, which each may. What stands in no group superusers do. A new model goes
#: here, if only to say that nobody writes it: nullstore.E010 finds one that is missing.
RIGHTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    # Deactivated, not deleted: tasks and engrams go on naming them. The columns that say who a user is (identifier,
    # network, e-mail address, source) are for superusers: whoever writes them decides who may log in to the account.
    "erebus_app.UserReference": {OPERATOR: ("change",)},
    # Whoever writes an address decides who may log in with it.
    "erebus_app.Wallet": _NOTHING,
    # To revoke them. Nobody edits one: that would hand a login to somebody else. Adding one would be a login by hand.
    "erebus_app.AuthSession": {OPERATOR: ("change",)},
    "erebus_app.AgentApiKey": {KEY_CUSTODIAN: ("add", "change", "delete", "reveal")},
    "erebus_app.SecretAccessLog": _NOTHING,
    # "Verify now" on the page of replication. To look at runs is to look at replication itself: its page, its JSON, its
    # codes, the badge and the places of the databases are for those who may, hence for every group.
    "erebus_app.VerificationRun": {OPERATOR: ("add",)},
    "erebus_app.Listing": {OPERATOR: ("change",)},
    "erebus_app.ListingVersion": _NOTHING,
    # There is no other way to hide an abusive one.
    "erebus_app.Review": {OPERATOR: ("change", "delete")},
    "erebus_app.Favorite": _NOTHING,
    # What was paid is not rewritten.
    "erebus_app.Purchase": _NOTHING,
    "erebus_app.Deployment": _NOTHING,
    # The replica: written by replication alone.
    "agents_app.UserReference": _NOTHING,
    "agents_app.Agent": {OPERATOR: ("add", "change")},
    # A retry is a new task; what is not wanted is canceled, not deleted.
    "agents_app.Task": {OPERATOR: ("add", "change")},
    "agents_app.TaskTransition": _NOTHING,
    # A fork is a new engram.
    "agents_app.Engram": {OPERATOR: ("add", "change")},
    "agents_app.EngramHistory": _NOTHING,
    "agents_app.OpsAction": _NOTHING,
}


class PermissionsMissing(NullstoreError):
    """Permissions that groups are to have do not exist yet."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What was (or, in a dry run, would be) done to one group; permissions as `app.codename`."""

    name: str
    created: bool
    added: list[str]
    removed: list[str]
    permissions: int
    members: int

    @property
    def is_change(self) -> bool:
        """Whether the group was not as declared."""
        return bool(self.created or self.added or self.removed)


def declared(group: str) -> frozenset[str]:
    """Return the permissions of `group`, as `app.codename`."""
    return frozenset(
        f"{label.partition('.')[0]}.{get_permission_codename(right, apps.get_model(label)._meta)}"
        for label, rights in RIGHTS.items()
        for right in ("view", *rights.get(group, ()))
    )


def ensure_groups(*, dry_run: bool = False) -> list[GroupChange]:
    """Make the groups as declared: what is missing is added, what is too much removed. Other groups stay as they are.

    Raises PermissionsMissing where migrate has not yet made a permission.
    """
    permissions = _existing_permissions()
    missing = sorted(set().union(*map(declared, GROUPS)) - permissions.keys())
    if missing:
        raise PermissionsMissing(f"There are no permissions {', '.join(missing)} yet. Run manage.py migrate first.")
    with transaction.atomic(using=EREBUS):
        return [_ensure(name, permissions, dry_run) for name in GROUPS]


def _existing_permissions() -> dict[str, Any]:
    rows = apps.get_model("auth.Permission")._default_manager.using(EREBUS).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}": row for row in rows}


def _ensure(name: str, permissions: Mapping[str, Any], dry_run: bool) -> GroupChange:
    groups = apps.get_model("auth.Group")._default_manager.using(EREBUS)
    group: Any = groups.filter(name=name).first()
    created = group is None
    if created and not dry_run:
        group, created = groups.get_or_create(name=name)
    names = {row.pk: codename for codename, row in permissions.items()}
    present = {names[pk] for pk in group.permissions.values_list("pk", flat=True)} if group else set()
    wanted = declared(name)
    added, removed = sorted(wanted - present), sorted(present - wanted)
    if group and not dry_run:
        group.permissions.add(*(permissions[codename] for codename in added))
        group.permissions.remove(*(permissions[codename] for codename in removed))
    members = group.user_set.count() if group else 0
    return GroupChange(name, created, added, removed, len(wanted), members)


@register(Tags.models)
def check_rights(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E010: of every model it is declared which group may do what to it."""
    models = {model._meta.label for app in APPS for model in apps.get_app_config(app).get_models()}
    faults: dict[str, Iterable[str]] = {
        "is not in the table that says which group of staff may do what": models - RIGHTS.keys(),
        "is in the table of the groups' rights, and there is no such model": RIGHTS.keys() - models,
    }
    return [
        Error(f"{label} {fault}.", hint="Correct RIGHTS in nullstore/groups.py.", id="nullstore.E010")
        for fault, labels in faults.items()
        for label in sorted(labels)
    ]
