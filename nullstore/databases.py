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
    "axes": EREBUS,
    "door": EREBUS,
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

#: Models of which agents has no copy, by label; an app as a whole as `app.*`. A new model goes here, or into USER_SYNC
#: and the publication if both databases need it: nullstore.E008 finds one that is in neither or in both.
NOT_REPLICATED: Final[frozenset[str]] = frozenset(
    {
        "erebus_app.Wallet",
        "erebus_app.AuthSession",
        "erebus_app.AgentApiKey",
        "erebus_app.SecretAccessLog",
        "erebus_app.VerificationRun",
        "erebus_app.Listing",
        "erebus_app.ListingVersion",
        "erebus_app.Review",
        "erebus_app.Favorite",
        "erebus_app.Purchase",
        "erebus_app.Deployment",
        "agents_app.Agent",
        "agents_app.Task",
        "agents_app.TaskTransition",
        "agents_app.Engram",
        "agents_app.EngramHistory",
        "agents_app.OpsAction",
        "admin.*",
        "auth.*",
        "axes.*",
        "door.*",
        "contenttypes.*",
        "sessions.*",
    }
)
