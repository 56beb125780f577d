"""The operation for the role with which the subscriber logs in."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from nullstore.identifiers import check_identifier
from nullstore.replication import roles
from nullstore.replication.conninfo import MASK
from nullstore.replication.operations.base import ReplicationOperation


class CreateReplicationRole(ReplicationOperation):
    """Create the role REPLICATION_ROLE (LOGIN REPLICATION, SELECT on `tables`, nothing else).

    Reversed, the role loses its rights here, and goes unless another database of the server needs it. Raises
    ReplicationError if the role exists with another password than REPLICATION_PASSWORD.
    """

    def __init__(self, *, tables: tuple[str, ...]) -> None:
        self.tables = tuple(check_identifier(table) for table in tables)

    def apply(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        roles.ensure_role(schema_editor.connection)
        roles.grant_select(schema_editor.connection, self.tables)

    def revert(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        roles.drop_role(schema_editor.connection, self.tables)

    def forwards_sql(self, database: str) -> list[str]:
        return roles.create_statements(database, self.tables, password=MASK)

    def backwards_sql(self, database: str) -> list[str]:
        return roles.drop_statements(database, self.tables)

    def describe(self) -> str:
        return "Create the replication role"

    @property
    def migration_name_fragment(self) -> str:
        return "create_replication_role"
