"""Routing: every app at home, nothing between the databases, nothing anywhere unrouted."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import router

from agents_app import models as agents
from erebus_app import models as erebus
from nullstore.databases import HOMES
from nullstore.exceptions import NoDefaultDatabase, ReplicaIsReadOnly


@pytest.mark.parametrize("model", apps.get_models(include_auto_created=True), ids=lambda model: model._meta.label)
def test_every_model_is_read_at_home_and_migrated_there_only(model: Any) -> None:
    home = HOMES[model._meta.app_label]
    assert router.db_for_read(model) == home
    assert [alias for alias in ("default", "erebus", "agents") if router.allow_migrate_model(alias, model)] == [home]


def test_the_apps_are_at_home_in_their_own_databases() -> None:
    assert (HOMES["erebus_app"], HOMES["agents_app"], HOMES["auth"]) == ("erebus", "agents", "erebus")


@pytest.mark.parametrize("model", [erebus.UserReference, erebus.Listing, agents.Task, agents.Engram, User])
def test_models_are_written_at_home(model: Any) -> None:
    assert router.db_for_write(model) == HOMES[model._meta.app_label]


def test_the_replica_has_no_place_to_be_written() -> None:
    with pytest.raises(ReplicaIsReadOnly, match=r"Write erebus_app\.UserReference"):
        router.db_for_write(agents.UserReference)


@pytest.mark.parametrize("hints", [{}, {"model_name": None}, {"anything": 1}])
@pytest.mark.parametrize(("app_label", "home"), HOMES.items())
def test_operations_without_a_model_run_at_home_only(app_label: str, home: str, hints: dict[str, Any]) -> None:
    allowed = [alias for alias in ("default", "erebus", "agents") if router.allow_migrate(alias, app_label, **hints)]
    assert allowed == [home]


def test_an_app_without_a_home_is_migrated_nowhere() -> None:
    assert not any(router.allow_migrate(alias, "stranger") for alias in ("default", "erebus", "agents"))


def test_relations_stay_inside_one_database() -> None:
    assert router.allow_relation(agents.Task(), agents.UserReference())
    assert router.allow_relation(erebus.Wallet(), User())
    assert not router.allow_relation(erebus.UserReference(), agents.Task())


def test_the_default_database_refuses_and_names_the_others(settings: Any) -> None:
    for query in (
        lambda: list(User.objects.using("default").all()),
        lambda: User.objects.using("default").create(username="x"),
        lambda: str(User.objects.using("default").filter(pk=1).query),
    ):
        with pytest.raises(NoDefaultDatabase, match=r"--database=erebus or --database=agents"):
            query()
