"""What the comparison, and everybody else who waits, relies on: behind the fence, rows are visible."""

import pytest

from nullstore.replication.fence import wait_until_replicated
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL, TIMEOUT

pytestmark = pytest.mark.usefixtures("committed_pair")


def test_every_row_is_visible_behind_the_fence() -> None:
    """The origin's position is advanced before the transaction becomes visible: 1 to 15 of 100 reads saw too little."""
    late = []
    for number in range(100):
        EREBUS_SQL.run(
            "INSERT INTO user_references (source_identifier, network) "
            "SELECT 'user ' || %s || '.' || n, 'email' FROM generate_series(1, 300) AS n",
            [number],
        )
        wait_until_replicated(TIMEOUT)
        seen = AGENTS_SQL.value("SELECT count(*) FROM user_references")
        if seen != 300 * (number + 1):
            late.append((number, seen))
    assert late == []
