"""A restore killed with SIGKILL before its statements about databases, subscriptions and slots, then run again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.backup.backups import backup, command, names, restore, tasks, users
from tests.integration.killing import survives
from tests.integration.replicas import (
    AGENTS_SQL,
    EREBUS_SQL,
    add_task,
    add_user,
    assert_replicated,
    wait_until_replicated,
)

pytestmark = [pytest.mark.usefixtures("committed_pair"), pytest.mark.slow]
MOST_STATEMENTS = 200
#: What a killed restore could leave half done. Not what resync does to rows: it is one transaction.
CHANGES = re.compile(r"DATABASE|SUBSCRIPTION|_logical_replication_slot|_drop_replication_slot|^COMMIT|^CREATE ROLE")


def changes(statement: str) -> bool:
    return CHANGES.search(statement) is not None


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup of one user with a task."""
    add_task(add_user("saved"), name="saved")
    wait_until_replicated(30)
    backup(tmp_path / "saved")
    return tmp_path / "saved"


def write_more(number: int) -> None:
    """What only the pair of before the restore has."""
    user = add_user(f"more-{number}")
    wait_until_replicated(30)
    add_task(user, name=f"more-{number}")


def assert_one_pair_works(number: int) -> None:
    """Each alias leads to what was there or to what was restored, and the data is whole."""
    assert users() in (["saved"], [f"more-{number}", "saved"])
    assert [name for name, _ in tasks()] in (["saved"], [f"more-{number}", "saved"])


def forget_kept() -> None:
    command("restore", drop_kept=True, no_input=True)
    assert names("erebus") == names("agents") == [""]


def killed_at_each(act: Callable[[], None], then: Callable[[int], None]) -> int:
    for number in range(1, MOST_STATEMENTS):
        write_more(number)
        if survives(number, act, changes):
            return number - 1
        assert_one_pair_works(number)
        then(number)
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")


def test_the_same_again_ends_it(saved: Path) -> None:
    def again(number: int) -> None:
        done = restore(saved)
        assert done["verification"]["equal"]
        assert users() == ["saved"]
        assert tasks() == [("saved", "saved")]
        forget_kept()
        assert_replicated(1)

    assert killed_at_each(lambda: restore(saved), again) > 10
    forget_kept()


def test_it_is_taken_back_or_finished(saved: Path) -> None:
    """Taken back as long as a database waits for its name, finished when none does."""
    ends = set[str]()

    def take_back(number: int) -> None:
        try:
            command("restore", abort=True)
        except CommandError as error:
            if "can only be finished" not in str(error):
                raise
            command("restore", resume=True)
            assert users() == ["saved"]
            ends.add("finished")
        else:
            assert users() == sorted([f"more-{number}", "saved"])
            ends.add("taken back")
        assert command("restore", resume=True) == {"unfinished": None}
        forget_kept()
        assert_replicated(len(users()))
        EREBUS_SQL.run("DELETE FROM user_references WHERE source_identifier <> 'saved'")
        AGENTS_SQL.run("DELETE FROM tasks WHERE name <> 'saved'")

    assert killed_at_each(lambda: restore(saved), take_back) > 10
    assert ends == {"taken back", "finished"}
    forget_kept()
