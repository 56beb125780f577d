"""Transactions that are large, deep or prepared."""

import psycopg

from tests.faults.faults import SQL, Fault


def insert_text(session: psycopg.Connection, name: str, characters: int) -> None:
    """A user whose metadata does not compress."""
    session.execute(
        "INSERT INTO user_references (source_identifier, network, metadata) VALUES (%s, 'shape', jsonb_build_object("
        "'text', (SELECT left(string_agg(md5(n::text), ''), %s) FROM generate_series(0, %s / 32) AS n)))",
        [name, characters, characters],
    )


def insert_many(rows: int) -> None:
    """Users in one transaction."""
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'many-' || n, 'email' FROM generate_series(1, %s) AS n",
        [rows],
    )


def stream_early() -> None:
    """Have transactions sent before they commit, as soon as they are larger than 64 kB."""
    SQL["erebus"].run("ALTER SYSTEM SET logical_decoding_work_mem = '64kB'")
    SQL["erebus"].run("SELECT pg_reload_conf()")
    SQL["erebus"].run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")


def write_much(megabytes: int) -> None:
    """Users that need as much space as they have characters."""
    for number in range(megabytes):
        SQL["erebus"].run(
            "INSERT INTO user_references (source_identifier, network, metadata) "
            "SELECT %s, 'email', jsonb_build_object('text', string_agg(md5(n::text), '')) "
            "FROM generate_series(%s, %s) AS n",
            [f"large-{number}", number * 32768 + 1, (number + 1) * 32768],
        )


def subtransactions(fault: Fault) -> None:
    """50 savepoints, every second one rolled back; then the same, all rolled back."""
    for name, outcome in (("kept", "COMMIT"), ("gone", "ROLLBACK")):
        with fault.connect() as session:
            session.execute("BEGIN")
            for number in range(50):
                session.execute(f"SAVEPOINT s{number}")
                insert_text(session, f"{name}-{number}", 4000)
                if number % 2:
                    session.execute(f"ROLLBACK TO s{number}")
            session.execute(outcome)


def large_row(fault: Fault) -> None:
    with fault.connect() as session:
        insert_text(session, "large", 5_000_000)
        session.execute("UPDATE user_references SET is_active = false WHERE source_identifier = 'large'")


def prepared_transactions(fault: Fault) -> None:
    """Three, and a crash; one is committed then, one rolled back, and `left` is left."""
    for name in ("committed", "rolled-back", "left"):
        with fault.connect() as session:
            session.execute("BEGIN")
            insert_text(session, name, 10)
            session.execute(f"PREPARE TRANSACTION '{name}'")
    fault.pair.crash("erebus")
    fault.pair.start("erebus")
    with fault.connect() as session:
        session.execute("COMMIT PREPARED 'committed'")
        session.execute("ROLLBACK PREPARED 'rolled-back'")
