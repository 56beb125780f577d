"""DatabaseWrapper of the alias `default`. See the package's docstring."""

from typing import Any, NoReturn

from django.db.backends.dummy import base, features

from nullstore.exceptions import NoDefaultDatabase


def refuse(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise NoDefaultDatabase."""
    raise NoDefaultDatabase


class DatabaseFeatures(features.DummyDatabaseFeatures):
    """What the two PostgreSQL databases can return, because models are read through `default`."""

    can_return_columns_from_insert = True
    can_return_rows_from_bulk_insert = True


class DatabaseOperations(base.DatabaseOperations):
    quote_name = refuse


class DatabaseClient(base.DatabaseClient):
    runshell = refuse


class DatabaseIntrospection(base.DatabaseIntrospection):
    get_table_list = refuse
    get_table_description = refuse
    get_relations = refuse
    get_indexes = refuse


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that says which databases there are as soon as anybody uses it."""

    display_name = "no default database"
    _cursor = refuse
    ensure_connection = refuse
    _commit = refuse
    _savepoint_commit = refuse
    _set_autocommit = refuse
    client_class = DatabaseClient
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations
