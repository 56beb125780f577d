"""manage.py replication status: options that make no sense, a reader that goes away, and what ok does not say."""

import pytest
from django.core.management import CommandError

from tests.integration.replicas import wait_until_replicated
from tests.integration.test_status import run_watch, status


@pytest.mark.parametrize(
    "options", [("--timeout", "-1"), ("--timeout", "nan"), ("--timeout", "soon"), ("--watch", "--interval", "0")]
)
def test_times_that_are_none_are_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="is not a number of seconds"):
        status(*options)


def test_a_reader_that_goes_away_ends_a_watch_quietly(committed_pair: None) -> None:
    wait_until_replicated(30)
    with run_watch("--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("{")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 141


def test_ok_says_that_rows_are_not_compared(committed_pair: None) -> None:
    wait_until_replicated(30)
    code, text = status()
    assert code == 0
    assert text.count("manage.py replication verify") == 1
