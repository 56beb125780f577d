"""What a pair has before the first fault."""

from tests.faults.console import manage
from tests.faults.faults import SQL

#: A record of what replication did to the replica, kept by the same transaction: what is applied twice is in it twice.
APPLIED = """
    CREATE TABLE public.applied (number bigint GENERATED ALWAYS AS IDENTITY, what text, user_id uuid);
    CREATE FUNCTION public.record_applied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.applied (what, user_id) VALUES (TG_OP, COALESCE(NEW.id, OLD.id));
        RETURN NULL;
    END $$;
    CREATE TRIGGER record_applied AFTER INSERT OR DELETE ON public.user_references
        FOR EACH ROW EXECUTE FUNCTION public.record_applied();
    ALTER TABLE public.user_references ENABLE ALWAYS TRIGGER record_applied;
"""


def prepare() -> None:
    """Migrate both databases, and write 50 users, `user-1` and so on."""
    migrated = manage("migrate --verbosity 0")
    assert migrated.code == 0, migrated.err
    SQL["agents"].run(APPLIED)
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'user-' || n, 'email' FROM generate_series(1, 50) AS n"
    )
    assert manage("replication wait --timeout 30").code == 0
