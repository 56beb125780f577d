"""What staff do with a user: deactivate, reactivate, log out everywhere."""

from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from erebus_app.models import AuthSession, UserReference
from nullstore.actor import Actor, set_actor
from nullstore.databases import EREBUS
from nullstore.exceptions import ActionRefused

_COLUMNS: Final = ("id", "source_identifier", "network", "email", "is_active")


@transaction.atomic(using=EREBUS)
def deactivate(user_id: Any, actor: Actor, *, revoke: bool = False) -> int:
    """Soft-delete the user, with `revoke` end his sessions too; return how many those were.

    Raises ActionRefused if there is no such user or he is inactive already.
    """
    user = _locked(user_id, actor)
    if not user.is_active:
        raise ActionRefused(f"{user} is inactive already.")
    user.is_active = False
    user.save(update_fields=["is_active"])
    return _revoke(user) if revoke else 0


@transaction.atomic(using=EREBUS)
def reactivate(user_id: Any, actor: Actor) -> None:
    """Undo deactivate(); sessions stay revoked. Raises ActionRefused, naming the active user who is in the way."""
    user = _locked(user_id, actor)
    if user.is_active:
        raise ActionRefused(f"{user} is active already.")
    _refuse_if_taken(user)
    user.is_active = True
    try:
        with transaction.atomic(using=EREBUS):
            user.save(update_fields=["is_active"])
    except IntegrityError:
        # Somebody was faster, between the question and the UPDATE.
        _refuse_if_taken(user)
        raise


@transaction.atomic(using=EREBUS)
def revoke_sessions(user_id: Any, actor: Actor) -> int:
    """End all active sessions of the user and return how many; raises ActionRefused if there are none."""
    user = _locked(user_id, actor)
    revoked = _revoke(user)
    if not revoked:
        raise ActionRefused(f"{user} has no active session.")
    return revoked


def _locked(user_id: Any, actor: Actor) -> UserReference:
    """Return the user, locked against new sessions too: one that is being inserted holds the row's KEY SHARE lock."""
    user = UserReference.objects.using(EREBUS).select_for_update().only(*_COLUMNS).filter(pk=user_id).first()
    if user is None:
        raise ActionRefused(f"There is no user {user_id} any more.")
    set_actor(actor, using=EREBUS)
    return user


def _revoke(user: UserReference) -> int:
    return AuthSession.objects.using(EREBUS).filter(user=user).active().update(revoked_at=Now())


def _refuse_if_taken(user: UserReference) -> None:
    active = UserReference.objects.using(EREBUS).filter(is_active=True).exclude(pk=user.pk).only(*_COLUMNS)
    taken = {
        "this source identifier on this network": Q(source_identifier=user.source_identifier, network=user.network)
    }
    if user.email is not None:
        taken[f"the e-mail address {user.email}"] = Q(email=user.email)
    for what, condition in taken.items():
        if other := active.filter(condition).first():
            raise ActionRefused(
                f"Another active user has {what}: {other}, id {other.pk}. Deactivate that one first, or leave this one."
            )
