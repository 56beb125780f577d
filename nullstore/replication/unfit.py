"""What is wrong with a replica as a table so that no resync can fill it: somebody has to alter the table first."""

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.catalog import Connection, Key
from nullstore.replication.specs import PublicationSpec, PublishedTable


def refuse_unfit(publisher: Connection, subscriber: Connection, spec: PublicationSpec) -> None:
    """Raise ReplicationError, with the statement that mends it, for the first replica that apply would stop at."""
    for table in spec.tables:
        _refuse_missing(subscriber, table.name)
        _refuse_columns(publisher, subscriber, table)
        _refuse_key(publisher, subscriber, table.name)


def finds_rows(source: Key, replica: Key) -> bool:
    """Tell whether apply finds the rows of the replica by what the source sends as their identity."""
    index = replica.identity if replica.kind == "i" else frozenset(replica.primary)
    return bool(index) and (source.kind == "f" or not source.identity or index <= source.identity)


def _refuse_missing(subscriber: Connection, table: str) -> None:
    schemas, alias = catalog.schemas(subscriber, table), USER_SYNC.subscriber
    if "public" in schemas:
        return
    if schemas:
        raise ReplicationError(
            f"{alias} has no table public.{table}, but {schemas[0]}.{table}. On {alias}: "
            f"ALTER TABLE {schemas[0]}.{table} SET SCHEMA public; then run the same again"
        )
    app = USER_SYNC.models[0].replica.partition(".")[0]
    raise ReplicationError(
        f"{alias} has no table public.{table}. If a migration makes it: manage.py migrate. If somebody dropped it: "
        f"restore {alias} from a backup, or make the table as manage.py sqlmigrate {app} 0001_initial shows; then run "
        "the same again"
    )


def _refuse_columns(publisher: Connection, subscriber: Connection, table: PublishedTable) -> None:
    """Apply would stop at the first row; what a column held can come only after it is there again."""
    alias, alter = USER_SYNC.subscriber, f"ALTER TABLE public.{table.name}"
    there = {column.name: column for column in catalog.columns(subscriber, table.name)}
    for column in catalog.columns(publisher, table.name):
        if column.generated or (table.columns is not None and column.name not in table.columns):
            continue
        found = there.get(column.name)
        if found is None:
            raise ReplicationError(
                f"{table.name} in {alias} lacks the column {column.name} of its source. If a migration adds it: "
                f"manage.py migrate. If somebody dropped it, on {alias}: "
                f"{alter} ADD COLUMN {column.name} {column.type}; then run the same again"
            )
        if found.generated:
            raise ReplicationError(
                f"{table.name}.{column.name} is GENERATED in {alias}. What makes it plain again: "
                "manage.py replication status. Then run the same again"
            )


def _refuse_key(publisher: Connection, subscriber: Connection, table: str) -> None:
    source, replica = catalog.key(publisher, table), catalog.key(subscriber, table)
    if source is not None and replica is not None and not finds_rows(source, replica):
        raise ReplicationError(
            f"{table} in {USER_SYNC.subscriber} has no primary key by which apply finds the rows of its source. The "
            "statement that gives it one: manage.py replication status. Then run the same again"
        )
