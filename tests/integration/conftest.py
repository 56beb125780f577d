"""Fixtures of the tests of replication."""

from collections.abc import Iterator

import pytest

from tests.integration.replicas import resubscribed, unsubscribe


@pytest.fixture
def unsubscribed(committed_pair: None) -> Iterator[None]:
    """agents without its subscription; with it again at the end."""
    with resubscribed():
        unsubscribe()
        yield
