"""The operations for the write block of a replica."""

from nullstore.identifiers import check_identifier
from nullstore.replication.guard import guard_body
from nullstore.triggers import CreateTrigger, RemoveTrigger, TriggerOperation


class _Guard(TriggerOperation):
    """`source` reads `database.table` and names what to write instead."""

    def __init__(self, *, table: str, source: str) -> None:
        for part in source.split("."):
            check_identifier(part)
        super().__init__(
            f"{table}_guard",
            table=table,
            timing="BEFORE",
            events=("INSERT", "UPDATE", "DELETE", "TRUNCATE"),
            level="STATEMENT",
            body=guard_body(source),
        )


class GuardReplica(_Guard, CreateTrigger):
    """Refuse every write to the replica `table` but those of logical replication. `source` names what to write instead.

    `source` reads `database.table`.
    """

    def describe(self) -> str:
        return f"Guard the replica {self.table} against writes"

    @property
    def migration_name_fragment(self) -> str:
        return f"guard_{self.table}"


class UnguardReplica(_Guard, RemoveTrigger):
    """Let everybody who has the right write `table` again, as when it is no longer a replica."""

    def describe(self) -> str:
        return f"Remove the guard of the replica {self.table}"

    @property
    def migration_name_fragment(self) -> str:
        return f"unguard_{self.table}"
