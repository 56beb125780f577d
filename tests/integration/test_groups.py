"""manage.py ensure_groups: the groups of staff and their permissions."""

import io
import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.db import connections

from nullstore import groups
from nullstore.groups import APPS, GROUPS, RIGHTS, check_rights, declared
from tests.integration.walking import MAY

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("ensure_groups", *arguments, stdout=out)
    return out.getvalue()


def permissions_of(group: str) -> set[str]:
    rows = Permission.objects.filter(group__name=group).select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def test_the_permissions_of_both_databases_models_are_in_erebus() -> None:
    with connections["erebus"].cursor() as cursor:
        cursor.execute(
            "SELECT app_label || '.' || codename FROM auth_permission p "
            "JOIN django_content_type c ON c.id = p.content_type_id"
        )
        there = {name for (name,) in cursor.fetchall()}
    for model in MODELS:
        names = {f"{right}_{model._meta.model_name}" for right in ("view", "add", "change", "delete")}
        assert {f"{model._meta.app_label}.{name}" for name in names} <= there
    assert "erebus_app.reveal_agentapikey" in there


class TestGroups:
    def test_a_viewer_may_look_at_every_table_and_nothing_else(self) -> None:
        run()
        assert permissions_of("Viewer") == {f"{m._meta.app_label}.view_{m._meta.model_name}" for m in MODELS}

    @pytest.mark.parametrize("group", GROUPS)
    def test_beside_looking_a_group_may_do_just_this(self, group: str) -> None:
        run()
        assert permissions_of(group) - permissions_of("Viewer") == MAY[group]

    @pytest.mark.parametrize("group", GROUPS)
    def test_no_group_touches_accounts_of_staff_the_log_or_the_replica(self, group: str) -> None:
        forbidden = {name for name in declared(group) if name.split(".")[0] not in APPS}
        written = ("_userreference", "_secretaccesslog", "_opsaction", "_tasktransition", "_engramhistory")
        forbidden |= {
            name
            for name in declared(group) - {"erebus_app.change_userreference"}
            if name.endswith(written) and ".view_" not in name
        }
        assert forbidden == set()

    def test_members_have_what_their_group_has(self) -> None:
        run()
        user = User.objects.create_user("grace", is_staff=True)
        user.groups.add(Group.objects.get(name="Key custodian"))
        assert user.has_perm("erebus_app.reveal_agentapikey")
        assert not user.has_perm("agents_app.change_task")


class TestAgain:
    def test_the_first_run_says_what_it_made_and_the_second_that_nothing_was_to_do(self) -> None:
        assert "Viewer: created, 19 permissions, 0 members." in run()
        before = {name: permissions_of(name) for name in GROUPS}
        assert [line for line in run().splitlines() if "as declared" not in line] == []
        assert {name: permissions_of(name) for name in GROUPS} == before

    def test_what_was_changed_by_hand_is_set_right_and_named(self) -> None:
        run()
        viewer = Group.objects.get(name="Viewer")
        viewer.permissions.add(permission("erebus_app.reveal_agentapikey"), permission("auth.change_user"))
        viewer.permissions.remove(permission("agents_app.view_task"))
        lines = run().splitlines()
        assert "  - erebus_app.reveal_agentapikey (added by hand)" in lines
        assert "  - auth.change_user (added by hand)" in lines
        assert "  + agents_app.view_task" in lines
        assert permissions_of("Viewer") == declared("Viewer")

    def test_members_and_other_groups_stay(self) -> None:
        run()
        user = User.objects.create_user("grace")
        user.groups.add(Group.objects.get(name="Operator"))
        mine = Group.objects.create(name="Mine")
        mine.permissions.add(permission("auth.change_user"))
        assert "Operator: as declared, 31 permissions, 1 members." in run()
        assert user.groups.get().name == "Operator"
        assert permissions_of("Mine") == {"auth.change_user"}

    def test_a_permission_declared_later_is_picked_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run()
        monkeypatch.setitem(groups.RIGHTS, "erebus_app.Wallet", {"Operator": ("change",)})  # type: ignore[arg-type]
        assert "  + erebus_app.change_wallet" in run().splitlines()
        assert "erebus_app.change_wallet" in permissions_of("Operator")


class TestCommand:
    def test_a_dry_run_writes_nothing_and_ends_with_1_where_something_is_to_do(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(CommandError, match=r"Run manage\.py ensure_groups") as caught:
            call_command("ensure_groups", dry_run=True)
        assert caught.value.returncode == 1
        assert "Viewer: to be created" in (out := capsys.readouterr().out)
        assert "nothing was written" in out
        assert not Group.objects.exists()
        run()
        Group.objects.get(name="Viewer").permissions.add(permission("auth.change_user"))
        with pytest.raises(CommandError):
            call_command("ensure_groups", dry_run=True)
        assert "auth.change_user" in permissions_of("Viewer")

    def test_a_dry_run_of_what_is_as_declared_ends_with_0(self) -> None:
        run()
        assert "Dry run" in run("--dry-run")

    def test_json_is_one_object(self) -> None:
        report: dict[str, Any] = json.loads(run("--json"))
        assert report["dry_run"] is False
        assert [(group["name"], group["created"]) for group in report["groups"]] == [(name, True) for name in GROUPS]
        assert set(report["groups"][0]["added"]) == declared("Viewer")

    def test_permissions_that_migrate_has_not_made_are_named(self) -> None:
        permission("erebus_app.reveal_agentapikey").delete()
        with pytest.raises(CommandError, match=r"no permissions erebus_app\.reveal_agentapikey yet.*migrate") as caught:
            run()
        assert caught.value.returncode == 1
        assert not Group.objects.exists()

    def test_a_group_that_cannot_be_written_leaves_none_half_made(self) -> None:
        with connections["erebus"].cursor() as cursor:
            cursor.execute("ALTER TABLE auth_group ADD CHECK (name <> 'Key custodian')")
        with pytest.raises(CommandError, match="violates check constraint"):
            run()
        assert not Group.objects.exists()


class TestEveryModelIsDecided:
    def test_all_are(self) -> None:
        assert check_rights() == []
        assert {group for rights in RIGHTS.values() for group in rights} <= set(GROUPS)

    def test_one_that_is_missing_and_one_that_has_gone_are_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        table = {**RIGHTS, "agents_app.Gone": {}}
        del table["agents_app.Task"]
        monkeypatch.setattr(groups, "RIGHTS", table)
        assert [(error.id, str(error.msg).partition(" ")[0]) for error in check_rights()] == [
            ("nullstore.E010", "agents_app.Task"),
            ("nullstore.E010", "agents_app.Gone"),
        ]
