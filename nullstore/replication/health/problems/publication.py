"""Problems of the publication."""

from collections.abc import Iterator

from nullstore.databases import USER_SYNC
from nullstore.replication.health.facts import PublisherFacts
from nullstore.replication.health.verdict import Problem

RESYNC = "manage.py replication resync"


def problems(publisher: PublisherFacts) -> Iterator[Problem]:
    """publication_missing and publication_differs."""
    name, alias = USER_SYNC.publication, USER_SYNC.publisher
    if publisher.publication is None:
        yield Problem(
            "publication_missing",
            f"{alias} has no publication {name}",
            "Somebody dropped it, or the database was replaced by another.",
            RESYNC,
        )
    elif publisher.differences:
        yield Problem(
            "publication_differs",
            f"The publication {name} is not as declared: {'; '.join(publisher.differences)}",
            "Somebody altered it. What was written meanwhile may not have been sent.",
            RESYNC,
        )
