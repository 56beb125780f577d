"""Faults that take more than to be injected, or whose mending takes more than what status prints."""

import secrets
from contextlib import closing
from typing import Any

from django.conf import settings

from benchmarks.soak.scene import Scene
from nullstore import conf
from tests.faults import byhand, injections, transactions
from tests.faults.console import manage
from tests.faults.faults import SQL, Fault
from tests.faults.scenarios import HEALS, RESYNC, Scenario
from tests.integration.replicas import wait_for, wait_until_replicated

MANY = 20_000


def _own(name: str, injected: str, **declared: Any) -> Scenario:
    """A scenario that the list does not have, or has only with more rows."""
    return Scenario(
        __name__, "Soak", name, injected, **{"verdict": "ok", "codes": (), "codes_15": (), "mend": HEALS, **declared}
    )


GUARD_DROPPED = _own(
    "guard of the replica dropped",
    "DROP TRIGGER on agents, then an UPDATE of the replica",
    verdict="broken",
    codes=("guard_missing",),
    codes_15=("guard_missing",),
    mend=RESYNC,
)
MANY_ROWS = _own(f"{MANY:,} rows in one transaction", "one INSERT, and one DELETE of them all")
USERS_DELETED = _own("20 users deleted", "DELETE of users whom tasks named until a moment ago")
OWN = (GUARD_DROPPED, MANY_ROWS, USERS_DELETED)


def one_after_another(fault: Fault, scene: Scene) -> None:
    injections.again_and_again(fault, scene.users)
    fault.ends()


def cut_for_a_moment(fault: Fault, scene: Scene) -> None:
    scene.wire.cut()
    scene.pause()
    scene.wire.heal()
    fault.ends()


def cut_for_long(fault: Fault, scene: Scene) -> None:
    """Longer than the ends wait for each other. What status advises cannot help, and must do no harm either."""
    injections.timeouts("1s")
    scene.wire.cut()
    wait_for(lambda: not SQL["erebus"].rows("SELECT FROM pg_stat_replication"))
    fault.shows()
    assert manage("replication resync --no-input --timeout 3").code == 1
    scene.wire.heal()
    fault.ends()
    injections.timeouts("")


def limit_files(fault: Fault, scene: Scene) -> None:
    SQL["agents"].run("VACUUM FULL user_references")  # rows of the last time have left room in its file
    server = fault.pair.server("agents")
    injections.limit_file_size(server, f"{20 * injections.MEGABYTE}:")
    SQL["agents"].run("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription")  # the next worker inherits it
    transactions.write_much(25)
    fault.shows()
    injections.limit_file_size(server, "unlimited:")
    fault.ends()


def change_rows(fault: Fault, scene: Scene) -> None:
    byhand.change_rows_by_hand()
    scene.pause()
    found = fault.differs()
    assert (found["missing"], found["extra"], found["different"]) == (1, 1, 1)
    fault.repair()


def change_password(fault: Fault, scene: Scene) -> None:
    injections.set_password("another one", hang_up=True)
    scene.pause()
    fault.says(fault.shows()["login_refused"])
    fault.ends()
    injections.set_password(conf.replication_password(), hang_up=False)


def rotate_password(fault: Fault, scene: Scene) -> None:
    password = secrets.token_hex(16)
    scene.patch.setattr(settings, "REPLICATION_PASSWORD", password)
    injections.set_password(password, hang_up=True)
    scene.pause()
    fault.mend(fault.shows()["connection_differs"])


def truncate(fault: Fault, scene: Scene) -> None:
    assert SQL["erebus"].refusal("TRUNCATE user_references CASCADE").sqlstate == "NS002"
    fault.ends()


def start_a_copy(fault: Fault, scene: Scene) -> None:
    with injections.copy_on_the_slot(fault) as session:
        scene.pause()
        fault.says(fault.shows()["slot_taken"])
        session.execute("ALTER SUBSCRIPTION agents_user_sync DISABLE")
        fault.ends()
        fault.manage("replication resync --anew --no-input")


def write_many(fault: Fault, scene: Scene) -> None:
    transactions.insert_many(MANY)
    SQL["erebus"].run("DELETE FROM user_references WHERE source_identifier LIKE 'many-%%'")
    fault.ends()


def stream(fault: Fault, scene: Scene) -> None:
    transactions.stream_early()
    transactions.subtransactions(fault)
    fault.ends()
    SQL["erebus"].run("ALTER SYSTEM RESET logical_decoding_work_mem")
    SQL["erebus"].run("SELECT pg_reload_conf()")


def prepare_transactions(fault: Fault, scene: Scene) -> None:
    transactions.prepared_transactions(fault)
    scene.pause()
    fault.ends()
    # Else no slot could be made any more.
    SQL["erebus"].run("ROLLBACK PREPARED 'left'")


def delete_users(fault: Fault, scene: Scene) -> None:
    kept = scene.pool.users
    SQL["erebus"].run(
        "INSERT INTO user_references (source_identifier, network) "
        "SELECT 'doomed-' || n, 'email' FROM generate_series(1, 20) AS n"
    )
    wait_until_replicated(30)
    doomed = "SELECT id FROM user_references WHERE source_identifier LIKE 'doomed-%%'"
    scene.pool.users = [key for (key,) in SQL["erebus"].rows(doomed)]
    scene.goes_on()
    scene.pool.users = kept
    scene.goes_on()
    SQL["erebus"].run("DELETE FROM user_references WHERE source_identifier LIKE 'doomed-%%'")
    fault.ends()


def block_apply(fault: Fault, scene: Scene) -> None:
    session, _ = byhand.hold_a_task(fault)
    with closing(session):
        scene.pause()
        fault.mend(fault.shows()["apply_blocked"])


def outlive_user(fault: Fault, scene: Scene) -> None:
    byhand.outlive_user(fault)
    scene.pause()
    fault.mend(fault.shows()["orphaned_tasks"])
