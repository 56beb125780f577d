"""The write block of replicated tables, in the database, so that it holds for every writer and every language.

An ordinary trigger does not fire for logical replication (it runs with session_replication_role = replica), so the
initial copy and apply pass while everybody else is stopped, superusers included.
"""

from typing import Final

#: The SQLSTATE of a refused write to a replica.
REPLICA_IS_READ_ONLY: Final = "NS001"

#: Lifts a guard for the transaction whose id it holds, for members of the table's owner:
#: SELECT set_config('nullstore.maintenance', pg_current_xact_id()::text, true)
MAINTENANCE_SETTING: Final = "nullstore.maintenance"
LIFT_GUARD: Final = f"SELECT set_config('{MAINTENANCE_SETTING}', pg_current_xact_id()::text, true)"


def guard_body(source: str) -> str:
    """Return the body of the guard's trigger function. `source` is what to write instead, as `database.table`."""
    return f"""
DECLARE
    owner oid := (SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID);
BEGIN
    -- The transaction's own id: a value that a session or a pooled connection kept lifts nothing. Not for everybody
    -- who can say SET: only for members of the table's owner.
    IF pg_catalog.current_setting('{MAINTENANCE_SETTING}', true) = pg_catalog.pg_current_xact_id()::text
       AND pg_catalog.pg_has_role(current_user, owner, 'MEMBER') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% on % refused: it is a read-only copy of {source}, kept by logical replication',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = '{REPLICA_IS_READ_ONLY}',
              HINT = 'Write {source} instead; the change arrives here by itself. For maintenance by the owner, in '
                     'one transaction: {LIFT_GUARD.replace("'", "''")};';
END
"""
