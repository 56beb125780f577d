"""The benchmark of the admin at a tiny size: it finds every page, and says which are beyond the bound."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connections

from nullstore.databases import ALIASES
from tests.integration.samples import sample_data
from tests.servers import url

pytestmark = pytest.mark.usefixtures("committed_pair")

ROOT = Path(__file__).resolve().parents[2]


def benchmark(*options: str) -> subprocess.CompletedProcess[str]:
    """Run it on the databases of the test."""
    databases = {
        f"{alias.upper()}_DATABASE_URL": url(connections[alias].settings_dict["PORT"], f"test_{alias}")
        for alias in ALIASES
    }
    command = [sys.executable, "-m", "benchmarks.admin", "--runs", "1", "--warm", "1", *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **databases}, capture_output=True, text=True)


def rows(users: int) -> list[str]:
    return ["--users", str(users), "--tasks", str(users), "--engrams", str(users)]


def visited(run: subprocess.CompletedProcess[str]) -> dict[str, set[str]]:
    """The kinds of pages that were measured, by what they belong to; all came."""
    pages: list[dict[str, Any]] = json.loads(run.stdout)
    assert [page for page in pages if page["ours"]["failure"]] == []
    kinds: dict[str, set[str]] = {}
    for page in pages:
        kinds.setdefault(page["page"]["area"], set()).add(page["page"]["kind"])
    return kinds


@pytest.mark.slow
def test_it_visits_the_lists_and_rows_of_every_table() -> None:
    run = benchmark("--here", *rows(200), "--bound", "60000", "--stock-runs", "0", "--json")
    assert run.returncode == 0, run.stderr
    kinds = visited(run)
    # Of second factors there is no page while they are off.
    tables = {model._meta.label for model in admin.site._registry} - {"door.TotpDevice"}
    assert kinds.keys() == tables | {"site"}
    assert [table for table in sorted(tables) if "list" not in kinds[table]] == []
    # There are no groups in the sample, and no failed logins.
    without = ["auth.Group", "axes.AccessAttempt", "axes.AccessFailureLog"]
    assert [table for table in sorted(tables) if "row" not in kinds[table]] == without
    for table in ("agents_app.Task", "agents_app.Engram", "erebus_app.UserReference"):
        assert {"list, page turned", "filter", "search", "pair", "sort", "bulk", "history"} <= kinds[table]


class TestOneTable:
    @pytest.fixture(autouse=True)
    def _filled(self, committed_pair: None) -> None:
        sample_data("--users", "60", "--tasks", "60", "--engrams", "60")

    def test_each_page_is_printed_beside_that_of_the_stock_admin_and_one_beyond_the_bound_is_a_failure(self) -> None:
        run = benchmark("--filled", *rows(60), "--only", "agents_app.Agent", "--bound", "0", "--stock-runs", "1")
        assert run.returncode == 1
        title = "agents_app.Agent · list · first page"
        [line] = [line for line in run.stdout.splitlines() if line.startswith(title)]
        # Three times, the number of queries, three times.
        assert len(line.removeprefix(title).split()) == 7
        assert "agents_app.Agent · filter · status=busy" in run.stdout
        assert f"beyond 0 ms: {title}" in run.stderr

    def test_a_pair_with_fewer_rows_than_asked_for_is_refused(self) -> None:
        run = benchmark("--filled", *rows(61))
        assert (run.returncode, run.stdout) == (1, "")
        assert "user_references in erebus has 60 rows; 61 were asked for" in run.stderr
