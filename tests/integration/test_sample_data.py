"""manage.py sample_data: what it does on an empty pair, on a filled one, and when it cannot go on."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, reset_queries, transaction

from nullstore.databases import AGENTS, ALIASES, EREBUS
from nullstore.exceptions import NullstoreError
from nullstore.sampledata.loading import Sample, SampleInterrupted, write_sample
from tests.integration.samples import SMALL, SQL, counts, ids, sample_data
from tests.servers import url

pytestmark = pytest.mark.usefixtures("committed_pair")

ROOT = Path(__file__).resolve().parents[2]


class TestRuns:
    def test_a_second_run_adds(self) -> None:
        first, second = sample_data(*SMALL, "--seed", "1"), sample_data(*SMALL, "--seed", "2")
        assert set(first["rows"][EREBUS]) - set(second["rows"][EREBUS]) == {"agent_api_keys"}
        assert set(first["rows"][AGENTS]) - set(second["rows"][AGENTS]) == {"agents"}
        now = counts()
        for table in ("user_references", "wallets", "sessions", "crossroads_reviews"):
            assert now[EREBUS][table] == first["rows"][EREBUS][table] + second["rows"][EREBUS][table]

    def test_a_repeated_seed_is_refused_and_writes_nothing(self) -> None:
        sample_data(*SMALL, "--seed", "5")
        before = counts()
        with pytest.raises(CommandError, match=r"Nothing was written.*seed 5 already.*Give another --seed") as refused:
            sample_data("--users", "200", "--seed", "5")
        assert refused.value.returncode == 2
        assert counts() == before

    def test_a_collision_in_one_database_leaves_nothing_in_the_other(self) -> None:
        sample_data("--users", "0", "--tasks", "10", "--engrams", "0", "--seed", "5")
        before = counts()
        assert EREBUS not in {alias for alias, tables in before.items() if tables}
        with pytest.raises(CommandError, match="tasks has rows of the sample with seed 5"):
            sample_data(*SMALL, "--seed", "5")
        assert counts() == before

    def test_the_printed_command_makes_the_same_rows_again(self) -> None:
        out = io.StringIO()
        call_command("sample_data", *SMALL, stdout=out)
        (line,) = [line for line in out.getvalue().splitlines() if "manage.py sample_data" in line]
        made = [ids(alias, table) for alias, table in ((EREBUS, "sessions"), (AGENTS, "engrams"))]
        with pytest.raises(CommandError, match="Nothing was written"):
            call_command(*line.partition("manage.py ")[2].split())
        assert made == [ids(alias, table) for alias, table in ((EREBUS, "sessions"), (AGENTS, "engrams"))]

    def test_if_empty_fills_an_empty_pair_and_nothing_else(self) -> None:
        assert sample_data(*SMALL, "--if-empty")["rows"][EREBUS]["user_references"] == 60
        before = counts()
        out = io.StringIO()
        call_command("sample_data", *SMALL, "--if-empty", stdout=out)
        assert "erebus has users already; nothing was written" in out.getvalue()
        assert "skipped" in sample_data("--if-empty")
        assert counts() == before

    def test_a_dry_run_counts_what_a_run_writes(self) -> None:
        planned = sample_data(*SMALL, "--seed", "3", "--dry-run")
        assert counts() == {EREBUS: {}, AGENTS: {}}
        assert planned["rows"] == sample_data(*SMALL, "--seed", "3")["rows"]

    def test_without_new_users_those_that_are_there_get_tasks(self) -> None:
        # So many engrams for so few wallets have all keys there are: the second run needs others.
        sample_data("--users", "5", "--tasks", "0", "--engrams", "500", "--seed", "1")
        sample_data("--users", "0", "--tasks", "50", "--engrams", "500", "--seed", "2")
        users = {user for (user,) in ids(EREBUS, "user_references")}
        wallets = {address for (address,) in SQL[EREBUS].rows("SELECT address FROM wallets")}
        assert {user for (user,) in SQL[AGENTS].rows("SELECT user_id FROM tasks")} <= users
        assert {wallet for (wallet,) in SQL[AGENTS].rows("SELECT wallet_address FROM engrams")} <= wallets
        assert counts()[AGENTS]["engrams"] == 1000

    def test_without_any_users_tasks_belong_to_nobody(self) -> None:
        report = sample_data("--users", "0", "--tasks", "20", "--engrams", "20")
        assert report["rows"][EREBUS] == {}
        assert SQL[AGENTS].rows("SELECT DISTINCT user_id FROM tasks") == [(None,)]
        assert counts()[AGENTS]["engrams"] == 20

    @pytest.mark.parametrize("size", ["0", "1"])
    def test_the_smallest_samples(self, size: str) -> None:
        seeds = set()
        for _ in range(5):
            report = sample_data("--users", size, "--tasks", size, "--engrams", size)
            assert report["rows"][AGENTS].get("tasks", 0) == int(size)
            seeds.add(report["seed"])
        assert len(seeds) == 5

    def test_nothing_is_on_stderr_but_at_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        sample_data(*SMALL)
        assert capsys.readouterr().err == ""

    def test_statements_are_not_collected(self, settings: Any) -> None:
        settings.DEBUG = True
        reset_queries()
        sample_data(*SMALL)
        assert len(connections[AGENTS].queries) < 10
        assert sum(len(query["sql"]) for query in connections[AGENTS].queries) < 10_000

    def test_a_missing_table_names_the_command_that_makes_it(self) -> None:
        sample = Sample(users=5, tasks=0, engrams=0, seed=1, now=time.time())
        with transaction.atomic(using=EREBUS):
            SQL[EREBUS].run("ALTER TABLE sessions RENAME TO elsewhere")
            with pytest.raises(NullstoreError, match=r'"sessions" does not exist\. Run: manage.py migrate'):
                write_sample(sample, lambda name, rows, *, total: None)
            transaction.set_rollback(True, using=EREBUS)

    def test_the_planner_knows_a_table_before_others_refer_to_it(self) -> None:
        known = []

        def look(name: str, rows: int, *, total: int) -> None:
            if rows:
                known.append(
                    SQL[EREBUS].value("SELECT reltuples FROM pg_class WHERE oid = 'user_references'::regclass")
                )

        write_sample(Sample(users=300, tasks=0, engrams=0, seed=1, now=time.time()), look)
        assert set(known) == {300}

    def test_the_planner_knows_what_was_written(self) -> None:
        sample_data(*SMALL)
        bounds = "SELECT unnest(histogram_bounds::text::text[]) FROM pg_stats WHERE (tablename, attname) = (%s, %s)"
        for alias, table, column in ((EREBUS, "user_references", "source_identifier"), (AGENTS, "tasks", "id")):
            known = set(SQL[alias].rows(bounds, [table, column]))
            assert known
            assert known <= set(SQL[alias].rows(f"SELECT {column}::text FROM {table}"))


class TestInterrupted:
    @pytest.mark.parametrize("during", ["users", "listings", "tasks", "engrams"])
    def test_between_two_batches_nothing_stays(self, during: str) -> None:
        def interrupt(name: str, rows: int, *, total: int) -> None:
            if name == during and rows:
                raise KeyboardInterrupt

        with pytest.raises(SampleInterrupted, match="nothing was written"):
            write_sample(Sample(users=60, tasks=60, engrams=60, seed=1, now=time.time()), interrupt)
        assert counts() == {EREBUS: {}, AGENTS: {}}

    @pytest.mark.parametrize(("alias", "table"), [(EREBUS, "user_references"), (AGENTS, "tasks")])
    def test_ctrl_c_while_copying(self, alias: str, table: str) -> None:
        numbers = ("--users", "2000000", "--tasks", "0") if alias == EREBUS else ("--users", "10", "--tasks", "2000000")
        with started("sample_data", *numbers, "--engrams", "0") as process:
            wait_until_copying(alias, table, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (130, "")
        assert err.strip().endswith("nothing was written: the transactions on erebus and agents were rolled back.")
        assert "Traceback" not in err
        assert counts() == {EREBUS: {}, AGENTS: {}}


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run manage.py on the test databases while the block runs."""
    names = {
        f"{alias.upper()}_DATABASE_URL": url(
            connections[alias].settings_dict["PORT"], connections[alias].settings_dict["NAME"]
        )
        for alias in ALIASES
    }
    # A test run in the background of a shell ignores Ctrl-C, and what it starts inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **names},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


def wait_until_copying(alias: str, table: str, process: subprocess.Popen[str]) -> None:
    """Wait until a COPY to `table` runs; fail if the process ends before, or within 30 seconds."""
    deadline = time.monotonic() + 30
    running = "SELECT EXISTS (SELECT FROM pg_stat_progress_copy WHERE relid = %s::regclass AND tuples_processed > 10)"
    while not SQL[alias].value(running, [table]):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no COPY to {table} within 30 seconds"
