"""The list of engrams: each pair of filters that people use together is answered by one index."""

import re

import pytest
from django.db.models import Q

from agents_app.models import Engram
from tests.integration.adminpages import insert_engram, page, superuser
from tests.integration.plans import only

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])

OF_TYPE = Q(engram_type="persona")


@pytest.mark.parametrize(
    ("index", "condition", "columns"),
    [
        ("engrams_wallet", Q(wallet_address="0xab"), ["wallet_address"]),
        ("engrams_wallet", Q(wallet_address__startswith="0xab"), ["wallet_address"]),
        ("engrams_wallet", Q(wallet_address="0xab") & OF_TYPE, ["engram_type", "wallet_address"]),
        ("engrams_wallet", Q(wallet_address__startswith="0xab") & OF_TYPE, ["engram_type", "wallet_address"]),
        ("engrams_type_tags", Q(tags__contains=["aave"]), ["tags"]),
        ("engrams_type_tags", Q(tags__contains=["aave"]) & OF_TYPE, ["engram_type", "tags"]),
    ],
    ids=str,
)
def test_one_index_finds_the_rows(index: str, condition: Q, columns: list[str]) -> None:
    only("engrams", index)
    plan = Engram.objects.filter(condition).explain()
    (compared,) = re.findall(r"Index Cond: (.*)", plan)
    assert re.search(rf"(using|on) {index} ", plan)
    assert sorted(set(re.findall("engram_type|tags|wallet_address", compared))) == columns


@pytest.mark.parametrize("condition", [Q(), OF_TYPE], ids=str)
def test_one_index_gives_them_in_the_lists_order(condition: Q) -> None:
    index = "engrams_type" if condition else "engrams_created"
    only("engrams", index, "bitmapscan", "sort")
    plan = Engram.objects.filter(condition).order_by("-created_at", "-id")[:50].explain()
    assert f"using {index} " in plan
    assert "Sort" not in plan


def test_of_many_tags_the_first_are_shown_and_the_others_counted() -> None:
    insert_engram(tags=[f"t{number}" for number in range(8)])
    content = superuser().get(page("agents_app.Engram", "changelist")).content.decode()
    assert "t0, t1, t2, t3, t4, and 3 more" in content
