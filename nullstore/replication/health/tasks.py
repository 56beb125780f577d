"""Tasks that name users whom nobody has."""

from typing import Final

from nullstore.databases import USER_SYNC
from nullstore.identifiers import check_identifier
from nullstore.replication import catalog
from nullstore.replication.health.ends import End
from nullstore.replication.health.facts import Facts, Orphans, SubscriberFacts
from nullstore.replication.health.verdict import Unseen

#: The table and the column that name users without a foreign key (docs/discussions/replication.md says why).
NAMED_BY, COLUMN = check_identifier("tasks"), check_identifier("user_id")
#: What `unseen` calls it where it could not be looked at.
UNSEEN: Final = f"{NAMED_BY} whose user is gone"
_SECONDS, _MOST = 1.0, 1000


def orphans(publisher: End | None, subscriber: End, facts: Facts) -> Orphans | None:
    """Return the users that tasks have named for longer than the lag threshold and that neither end has.

    A task may name a user who has not arrived yet: the source is asked, too. None where it cannot be told.
    """
    if len(facts.expected.tables) != 1 or not isinstance(facts.subscriber, SubscriberFacts):
        return None
    (table,) = facts.expected.tables
    named = {"named_by": NAMED_BY, "column": COLUMN}
    keys = subscriber.ask(
        UNSEEN,
        lambda connection: catalog.dangling(connection, table, limit=_MOST, **named),
        None,
        f"{subscriber.alias}: GRANT SELECT ON public.{NAMED_BY}, public.{table} TO {subscriber.role}",
        seconds=_SECONDS,
    )
    if not keys:
        return None if keys is None else Orphans((), capped=False)
    if publisher is None:
        subscriber.unseen.append(Unseen(UNSEEN, f"{USER_SYNC.publisher} cannot be asked whether it has them", ""))
        return None
    known = publisher.ask(
        UNSEEN,
        lambda connection: catalog.existing(connection, table, keys),
        None,
        f"{publisher.alias}: GRANT SELECT ON public.{table} TO {publisher.role}",
    )
    if known is None:
        return None
    gone = [key for key in keys if key not in known]
    found = subscriber.ask(
        UNSEEN,
        lambda connection: catalog.naming_rows(connection, table, gone, older=facts.threshold, **named),
        None,
        seconds=_SECONDS,
    )
    return None if found is None else Orphans(found, capped=len(keys) == _MOST)
