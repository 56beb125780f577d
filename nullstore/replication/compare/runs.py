"""The record of comparisons in verification_runs, and that there is one at a time."""

import getpass
import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.apps import apps
from django.db import DatabaseError, connections, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ComparisonError, NullstoreError, VerificationUnderWay
from nullstore.replication.compare.results import Verification
from nullstore.replication.connect import connect
from nullstore.replication.execute import without_values
from nullstore.replication.lock import unlock

logger = logging.getLogger(__name__)

#: Rows that a run's result names; it counts all.
RECORDED_ROWS: Final = 20
_MODEL: Final = "erebus_app.VerificationRun"
_KEY: Final = int.from_bytes(hashlib.sha256(b"nullstore verification").digest()[:8], "big", signed=True)


def process_at_work() -> RawSQL:
    """Return an expression for queries of runs: whether a process, of whatever machine, is at work on one now.

    A run in the state running without any was ended without a word, and the next run records it as failed.
    """
    held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = "
    ours = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    key = "(classid::bigint << 32) | objid::bigint = %s::bigint"
    return RawSQL(f"EXISTS ({held}{ours} AND {key})", [_KEY], models.BooleanField())  # noqa: S611 - constant


@contextmanager
def recorded(requested_by: str | None, about: dict[str, Any]) -> Iterator[Any]:
    """Make a run of state running, yield it, and have it failed if the block does not get to its end.

    Raises ComparisonError if another run is under way, and in place of the errors of the servers. `about` is put into
    the run's result while it is running.
    """
    with _explained(), _alone():
        runs = apps.get_model(_MODEL).objects
        abandoned = runs.filter(state="running").update(
            state="failed", finished_at=Now(), result={"error": "It was ended without a word: killed, or its machine."}
        )
        if abandoned:
            logger.warning("%d verification runs were found abandoned and are recorded as failed", abandoned)
        run = runs.create(requested_by=requested_by or operator(), state="running", result=about)
        try:
            with _explained():
                yield run
        except BaseException as error:
            _record_failure(run, error)
            raise


def finish(run: Any, verification: Verification) -> None:
    """Record what came out of the run."""
    _finish(run, verification.state, verification.as_json(RECORDED_ROWS))
    logger.info(
        "verification run %s by %s: %s; %d missing, %d extra, %d different, %d changing of %d rows; repaired: %s",
        run.pk,
        run.requested_by,
        verification.state,
        verification.missing,
        verification.extra,
        verification.different,
        verification.changing,
        verification.source_rows,
        "would be " + str(verification.repaired) if verification.dry_run else verification.repaired or "nothing",
    )


def operator() -> str:
    """Return the name of the operating system's user, or its number where that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _finish(run: Any, state: str, result: dict[str, Any]) -> None:
    connection = connections[USER_SYNC.publisher]
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    type(run).objects.filter(pk=run.pk).update(state=state, result=result, finished_at=Now())


def _record_failure(run: Any, error: BaseException) -> None:
    logger.warning("verification run %s by %s failed: %s", run.pk, run.requested_by, type(error).__name__)
    said = str(error) if isinstance(error, NullstoreError) else f"interrupted ({type(error).__name__})"
    try:
        _finish(run, "failed", {**run.result, "error": said})
    except DatabaseError:
        logger.warning("erebus cannot be reached to record it; the next run records that this one was abandoned")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the advisory lock of verifications in the publisher's database; the server frees that of a killed run."""
    with connect(USER_SYNC.publisher) as connection:
        connection.execute("SET idle_session_timeout = 0")
        if connection.execute("SELECT pg_try_advisory_lock(%s)", [_KEY]).fetchone() != (True,):
            raise VerificationUnderWay(
                f"Another verification is under way{_who()}. Let it end, then run the same again."
            )
        try:
            yield
        finally:
            unlock(connection, _KEY)


def _who() -> str:
    run = apps.get_model(_MODEL).objects.filter(state="running").order_by("-id").first()
    return f": run {run.pk} by {run.requested_by}, since {run.started_at:%Y-%m-%d %H:%M:%S %Z}" if run else ""


@contextmanager
def _explained() -> Iterator[None]:
    """Raise ComparisonError in place of an error of a server."""
    try:
        yield
    except (psycopg.Error, DatabaseError) as error:
        raise ComparisonError(f"The comparison was ended by a server: {without_values(error)}") from error
