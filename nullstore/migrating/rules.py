"""When rows that the source sends can be stored in the replica, and which changes no order makes safe."""

from collections.abc import Iterator
from dataclasses import dataclass

from nullstore.databases import USER_SYNC
from nullstore.migrating.changes import Change
from nullstore.migrating.tables import Table
from nullstore.migrating.types import fits

_SOURCE, _REPLICA = USER_SYNC.publisher, USER_SYNC.subscriber

ADD_COPY_SWITCH_DROP = (
    "Go in steps, each with a migrate of its own (docs/howto/change-a-replicated-table.md): add a new column "
    "(null=True or a plain db_default); write both from the code and copy the old values with an UPDATE on the "
    "source, which replicates; read the new one; remove the old one"
)
_NULL_OR_DEFAULT = (
    "Give the field null=True or a plain db_default; if it is to be removed, in a migration of its own before that"
)
_SOURCE_ALONE = (
    "Declare it in the Meta of the source's model alone; the replica has its primary key, plain indexes and no more"
)
_ADD_THEN_FILL = (
    "Add it with null=True and neither default, fill it with an UPDATE on the source, which replicates, then give it "
    "its defaults and take null=True away in a later migration; or give it a plain value as db_default"
)
_KEEP_COLUMN = f"Keep its name in the database with db_column. {ADD_COPY_SWITCH_DROP}"
_KEEP_TABLE = (
    "Keep its name in the database: db_table stays as it is, whatever the model is called. A table that is to go is "
    "taken out of the publication first (AlterPublication)"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why replication would stop or the copies differ. `remedy` is "" where another order is all that it takes."""

    text: str
    remedy: str = ""


def problems(source: Table | None, replica: Table | None, *, binary: bool = False) -> list[Problem]:
    """Return what stops apply while the source's table is `source` and the replica's is `replica`.

    `binary` is the subscription's option of that name.
    """
    if source is None or not source.sent:
        return []
    if replica is None:
        return [Problem(f"{_REPLICA} does not have the table {source.name}, which {_SOURCE} sends")]
    return [
        *_missing(source, replica),
        *_unfilled(source, replica),
        *_unfit(source, replica, binary),
        *refusing(replica),
    ]


def _missing(source: Table, replica: Table) -> Iterator[Problem]:
    for name, column in source.columns.items():
        if column.sent and name not in replica.columns:
            yield Problem(f"{source.name}.{name}: {_SOURCE} would send it and {_REPLICA} lacks it, which stops apply")


def _unfilled(source: Table, replica: Table) -> Iterator[Problem]:
    for name, column in replica.columns.items():
        if not column.filled and (name not in source.columns or not source.columns[name].sent):
            yield Problem(
                f"{source.name}.{name}: {_REPLICA} requires it (NOT NULL, no default in the database) and {_SOURCE} "
                "would not send it, which stops apply at the next new row",
                _NULL_OR_DEFAULT,
            )


def _unfit(source: Table, replica: Table, binary: bool) -> Iterator[Problem]:
    for name, column in source.columns.items():
        target = replica.columns.get(name)
        if target is None or not column.sent:
            continue
        if not fits(column.type, target.type, binary=binary):
            other_way = fits(target.type, column.type, binary=binary)
            how = " in binary form" if binary else ""
            yield Problem(
                f"{source.name}.{name}: {_SOURCE} would send {column.type}{how}, and {_REPLICA} has {target.type}, "
                "which does not take every such value as it is",
                "" if other_way else ADD_COPY_SWITCH_DROP,
            )
        if target.not_null and not column.not_null:
            yield Problem(f"{source.name}.{name}: {_SOURCE} may send NULL, and {_REPLICA} has NOT NULL")


def refusing(replica: Table) -> Iterator[Problem]:
    """Yield what can refuse a row in the replica."""
    for name in sorted(replica.refusing):
        yield Problem(
            f"{replica.name}: {_REPLICA} has {name}, which can only stop replication, never help it", _SOURCE_ALONE
        )


def hazards(change: Change) -> Iterator[Problem]:
    """Yield why no order makes `change` safe while rows replicate."""
    name = change.name
    if change.after is None:
        yield Problem(f"the table {name} would be dropped or renamed, which stops apply", _KEEP_TABLE)
        return
    if change.added and change.dropped:
        old, new = ", ".join(change.dropped), ", ".join(change.added)
        yield Problem(
            f"{name}.{old} would be renamed to {new}: it cannot have the new name in both databases at one moment, "
            "and changes under the old one stop apply",
            _KEEP_COLUMN,
        )
        return
    for column in change.added:
        if change.before is not None and (why := change.after.columns[column].hazard):
            yield Problem(f"{name}.{column}: {why}", _ADD_THEN_FILL)
    for column in change.dropped:
        if change.before is not None and change.before.columns[column].key:
            yield Problem(f"{name}.{column} is the key by which replication finds rows", _KEEP_TABLE)


def first_on(change: Change) -> str | None:
    """Return the alias on which `change` has to be made first; None where it does not matter, or neither will do."""
    known = set(problems(change.before, change.before))
    source_first = set(problems(change.after, change.before)) - known
    replica_first = set(problems(change.before, change.after)) - known
    if bool(source_first) == bool(replica_first):
        return None
    return _REPLICA if source_first else _SOURCE
