"""Which databases there are, which app lives where, and which models are replicated.

Data only: the router, the checks, the migration operations' defaults and the commands read it.
Models are named by label, never imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

EREBUS: Final = "erebus"
AGENTS: Final = "agents"

#: In the order in which it is safe to migrate: what publishes comes before what subscribes.
ALIASES: Final = (EREBUS, AGENTS)

#: The home of every installed app, by app label. An app without one is a check error.
HOMES: Final[Mapping[str, str]] = {
    "erebus_app": EREBUS,
    "agents_app": AGENTS,
    "nullstore": EREBUS,
    "admin": EREBUS,
    "auth": EREBUS,
    "contenttypes": EREBUS,
    "messages": EREBUS,
    "postgres": EREBUS,
    "sessions": EREBUS,
    "staticfiles": EREBUS,
}


@dataclass(frozen=True, slots=True)
class ReplicatedModel:
    """A model that is written at its source and copied to a replica in another database."""

    source: str
    replica: str


@dataclass(frozen=True, slots=True)
class ReplicationPair:
    """One publication, the subscription that follows it, and the models they carry."""

    publisher: str
    subscriber: str
    publication: str
    subscription: str
    models: tuple[ReplicatedModel, ...]


USER_SYNC: Final = ReplicationPair(
    publisher=EREBUS,
    subscriber=AGENTS,
    publication="erebus_user_sync",
    subscription="agents_user_sync",
    models=(ReplicatedModel("erebus_app.UserReference", "agents_app.UserReference"),),
)

#: Label of the source by label of the replica; both in lower case, as Django's label_lower has them.
SOURCE_OF_REPLICA: Final[Mapping[str, str]] = {model.replica.lower(): model.source for model in USER_SYNC.models}
