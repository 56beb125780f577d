"""The rows of sample_data, before any database sees them."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from erebus_app.validators import validate_wallet_address
from nullstore.management.commands.sample_data import Bars
from nullstore.sampledata import conversations, values
from nullstore.sampledata.copying import one_ahead
from nullstore.sampledata.engrams import Engrams
from nullstore.sampledata.marketplace import Marketplace, listing_count
from nullstore.sampledata.memories import MEMORIES
from nullstore.sampledata.people import HISTORY, People, Person
from nullstore.sampledata.scenarios import TEMPLATES
from nullstore.sampledata.tasks import Tasks
from nullstore.sampledata.values import DAY
from nullstore.sampledata.words import make_words

NOW = 1_800_000_000.0
WORDS = make_words(1)
AGENTS = {template.agent_type: f"agent {number}" for number, template in enumerate(TEMPLATES)}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def crowd(size: int) -> list[Person]:
    """People with wallets, who came in at different times, the last one just now."""
    return [Person(f"user {n}", NOW - HISTORY * n / size, f"wallet {n}") for n in range(size)]


def people(seed: int) -> Iterator[Any]:
    return People(300, seed=seed, now=NOW, words=WORDS).batches()


def tasks(seed: int) -> Iterator[Any]:
    return Tasks(300, seed=seed, now=NOW, people=crowd(20), agents=AGENTS).batches()


def engrams(seed: int) -> Iterator[Any]:
    return Engrams(300, seed=seed, now=NOW, people=crowd(20), words=WORDS).batches()


def marketplace(seed: int) -> Iterator[Any]:
    return Marketplace(50, seed=seed, now=NOW, people=crowd(20), words=WORDS).batches()


@pytest.mark.parametrize("subject", [people, tasks, engrams, marketplace])
def test_a_seed_repeats_the_rows_and_another_one_does_not(subject: Callable[[int], Iterator[Any]]) -> None:
    assert list(subject(1)) == list(subject(1))
    assert list(subject(1)) != list(subject(2))


def test_a_seed_repeats_the_rows_in_another_process() -> None:
    program = (
        "import hashlib; from tests.unit.test_sampledata import *; "
        "print(hashlib.sha256(repr([list(f(7)) for f in (people, tasks, engrams, marketplace)]).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed, "DJANGO_SETTINGS_MODULE": "nullstore.settings"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_addresses_have_the_format_of_their_chain() -> None:
    rng = Random(1)
    for _ in range(500):
        validate_wallet_address("ethereum", values.evm_address(rng))
        address = values.solana_address(rng)
        validate_wallet_address("solana", address)
        number = 0
        for digit in address:
            number = number * 58 + BASE58.index(digit)
        assert 2**240 < number < 2**256


def test_uuids_are_random_ones_in_the_usual_form() -> None:
    rng = Random(1)
    made = [values.uuid_text(rng) for _ in range(500)]
    assert len(set(made)) == 500
    assert [str(key) for key in map(UUID, made)] == made
    assert {key.version for key in map(UUID, made)} == {4}


def test_a_reservoir_keeps_an_even_sample() -> None:
    reservoir: values.Reservoir[int] = values.Reservoir(Random(1), 1000)
    for number in range(100_000):
        reservoir.add(number)
    assert len(set(reservoir.items)) == 1000
    assert 45_000 < sum(reservoir.items) / 1000 < 55_000
    assert sum(number < 10_000 for number in reservoir.items) in range(60, 140)


@pytest.mark.parametrize("age", [0.0, 1e-6, 1.0, 3600.0, HISTORY])
@pytest.mark.parametrize("ended", [0.0, 60.0, HISTORY, 2 * HISTORY])
@pytest.mark.parametrize("size", [1, 5])
def test_times_follow_each_other_and_stay_in_the_life_of_the_user(age: float, ended: float, size: int) -> None:
    born = NOW - age
    for seed in range(50):
        made = conversations.times(Random(seed), [600.0] * size, born=born, end=NOW - ended, now=NOW)
        moments = [moment for task in made for moment in task]
        assert moments == sorted(moments)
        assert born <= moments[0]
        assert moments[-1] <= NOW + 1e-6
        if age > ended + DAY:
            assert moments[-1] == pytest.approx(NOW - ended, abs=1e-3)


def test_only_the_last_task_of_a_conversation_is_open() -> None:
    made = [conversations.statuses(Random(seed), most=4) for seed in range(2000)]
    assert {len(statuses) for statuses in made} == {1, 2, 3, 4}
    assert {status for *earlier, _ in made for status in earlier} == set(conversations.TERMINAL)
    assert len({statuses[-1] for statuses in made}) == 9


def test_tasks_come_in_the_order_of_time_over_the_whole_history() -> None:
    batches = Tasks(2000, seed=1, now=NOW, people=crowd(200), agents=AGENTS).batches()
    last = {
        context: (status, reached)
        for batch in batches
        for _, context, *_, status, _, reached in (row[:10] for row in batch.tasks)
    }
    ends = [reached.timestamp() for status, reached in last.values() if status in conversations.TERMINAL]
    assert ends[0] < NOW - 0.8 * HISTORY
    assert sum(later < earlier for earlier, later in pairwise(ends)) < len(ends) / 20


def test_a_wallet_never_has_two_engrams_with_one_key() -> None:
    total = 3 * len(MEMORIES) * 3
    batches = Engrams(total, seed=1, now=NOW, people=crowd(3), words=WORDS).batches()
    keys = [(wallet, key) for batch in batches for _, wallet, _, key, *_ in batch.engrams]
    assert len(keys) == len(set(keys)) == total
    assert {wallet for wallet, _ in keys} == {"wallet 0", "wallet 1", "wallet 2"}


def test_a_fork_says_what_its_parent_said_then() -> None:
    rows = {row[0]: row for batch in engrams(1) for row in batch.engrams}
    forks = [row for row in rows.values() if row[7]]
    assert forks
    for fork in forks:
        parent = rows[fork[7]]
        assert (fork[2], fork[5], fork[6]) == (parent[2], parent[5], parent[6])
        assert parent[16] <= fork[16]


@pytest.mark.parametrize(("users", "listings"), [(0, 0), (1, 4), (200, 60), (1_000_000, 3000), (10**9, 3000)])
def test_listings_grow_slower_than_users(users: int, listings: int) -> None:
    assert listing_count(users) == listings


def test_one_ahead_gives_everything_in_order() -> None:
    assert list(one_ahead(iter(range(1, 100)))) == list(range(1, 100))
    assert list(one_ahead(iter(()))) == []


def test_one_ahead_passes_on_what_goes_wrong() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    made = one_ahead(broken())
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


@pytest.mark.parametrize("option", ["--users", "--tasks", "--engrams", "--seed"])
@pytest.mark.parametrize("value", ["-5", "1.5", "many", ""])
def test_impossible_numbers_are_refused(option: str, value: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: '{value}' is not a whole number, 0 or more"):
        call_command("sample_data", option, value)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stderr", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_is_shown_at_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    with Bars() as bars:
        for name in ("users", "tasks"):
            bars.step(name, 600, total=1000)
            bars.step(name, 400, total=1000)
    lines = [line for line in stderr.getvalue().replace("\r", "\n").splitlines() if "100%" in line]
    assert [(line.partition(":")[0], "1000/1000" in line) for line in lines] == [
        ("users", True),
        ("tasks", True),
    ] * shown
