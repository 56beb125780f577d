"""Shows that replication works by using it: a user is written to the source and awaited in the replica."""

import time
import uuid
from datetime import timedelta

from django.apps import apps
from django.db import models
from django.utils import timezone

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationTimeout
from nullstore.replication.fence import describe, progress

_PREFIX = "nullstore-ping:"


def ping(timeout: float = 10.0) -> float:
    """Write a user to the source, wait until it is visible in the replica, and remove it again.

    `timeout` is in seconds. Returns the seconds from commit to visible. Raises ReplicationTimeout.
    """
    (pair,) = USER_SYNC.models
    source, replica = apps.get_model(pair.source), apps.get_model(pair.replica)
    _remove_leftovers(source)
    user = source(source_identifier=f"{_PREFIX}{uuid.uuid4()}", network="system", user_type="system")
    replica.objects.exists()  # connects, so that the time below is replication's alone
    user.save(force_insert=True)
    try:
        return _wait_for(replica, user.pk, timeout)
    finally:
        source.objects.filter(pk=user.pk).delete()


def _wait_for(replica: type[models.Model], pk: uuid.UUID, timeout: float) -> float:
    started = time.monotonic()
    while not replica._default_manager.filter(pk=pk).exists():
        waited = time.monotonic() - started
        if waited > timeout:
            raise ReplicationTimeout(
                f"A user written to {USER_SYNC.publisher} has not arrived in {USER_SYNC.subscriber} after "
                f"{waited:.1f} s: {describe(progress())}."
            )
        time.sleep(0.0005)
    return time.monotonic() - started


def _remove_leftovers(source: type[models.Model]) -> None:
    """Remove the users of pings that were killed; those of the last minutes may be somebody's running ping."""
    source._default_manager.filter(
        source_identifier__startswith=_PREFIX, created_at__lt=timezone.now() - timedelta(minutes=10)
    ).delete()
