"""The tables to compare: those of the models that USER_SYNC replicates, as their publication is declared."""

from collections.abc import Collection

from django.apps import apps
from psycopg import sql

from nullstore.databases import USER_SYNC, ReplicatedModel
from nullstore.exceptions import ComparisonError
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.shape import TablePair, match, read_columns
from nullstore.replication.declared import declared
from nullstore.replication.specs import PublishedTable


def table_pairs(ends: Ends, tables: Collection[str] | None = None) -> list[TablePair]:
    """Return the tables to compare, as both servers have them now; `tables` names them in the source, None means all.

    Raises ComparisonError.
    """
    _refuse_other_encodings(ends)
    models = {apps.get_model(model.source)._meta.db_table: model for model in USER_SYNC.models}
    if unknown := sorted(set(tables or ()) - models.keys()):
        raise ComparisonError(f"Not replicated: {', '.join(unknown)}. Replicated are: {', '.join(models)}.")
    publication = declared().publication
    published = {table.name: table for table in publication.tables} if publication else {}
    return [_pair(ends, model, published) for name, model in models.items() if tables is None or name in tables]


def _pair(ends: Ends, model: ReplicatedModel, published: dict[str, PublishedTable]) -> TablePair:
    source, replica = apps.get_model(model.source)._meta, apps.get_model(model.replica)._meta
    assert source.pk is not None
    table = published.get(source.db_table, PublishedTable(source.db_table))
    columns = read_columns(ends.source, source.db_table)
    if table.columns is not None:
        columns = {name: column for name, column in columns.items() if name in table.columns}
    return match(
        columns,
        read_columns(ends.replica, replica.db_table),
        key=source.pk.column,
        where=table.where,
        names=(source.db_table, replica.db_table),
    )


def _refuse_other_encodings(ends: Ends) -> None:
    encodings = [
        connection.execute(sql.SQL("SHOW server_encoding")).fetchone() for connection in (ends.source, ends.replica)
    ]
    if encodings[0] != encodings[1]:
        raise ComparisonError(
            f"{USER_SYNC.publisher} and {USER_SYNC.subscriber} have different encodings, so the same text is different "
            "bytes in them. Make a database anew with the other's encoding."
        )
