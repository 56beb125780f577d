"""What the apply worker is in the middle of."""

from nullstore.replication.catalog.query import Connection, rows


def open_transactions(connection: Connection, name: str) -> frozenset[str]:
    """Return the ids of the transactions in which the processes of the subscription of that name are writing.

    Each holds a lock on its own id until others see what it wrote; pg_locks shows that to every role.
    """
    found = rows(
        connection,
        """
        SELECT transactionid::text FROM pg_locks
        WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted AND pid IN (
            SELECT pid FROM pg_stat_subscription
            WHERE subid = (SELECT oid FROM pg_subscription WHERE subname = %s AND subdbid = (
                SELECT oid FROM pg_database WHERE datname = current_database())))
        """,
        [name],
    )
    return frozenset(xid for (xid,) in found)
