"""What staff do with a session: end it."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from erebus_app.models import AuthSession
from nullstore.actor import Actor, set_actor
from nullstore.databases import EREBUS
from nullstore.exceptions import ActionRefused


@transaction.atomic(using=EREBUS)
def revoke(session_id: Any, actor: Actor) -> None:
    """End the session now. Raises ActionRefused if it has ended already, or has gone."""
    rows = AuthSession.objects.using(EREBUS).select_for_update(no_key=True).only("id", "revoked_at", "expires_at")
    session = rows.filter(pk=session_id).first()
    if session is None:
        raise ActionRefused(f"There is no session {session_id} any more.")
    if session.revoked_at is not None:
        raise ActionRefused(f"It was revoked at {session.revoked_at:%Y-%m-%d %H:%M:%S %Z} already.")
    if session.expires_at <= timezone.now():
        raise ActionRefused(f"It expired at {session.expires_at:%Y-%m-%d %H:%M:%S %Z}; nobody can use it.")
    set_actor(actor, using=EREBUS)
    AuthSession.objects.using(EREBUS).filter(pk=session.pk).update(revoked_at=Now())
