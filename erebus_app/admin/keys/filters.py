"""Filters of the list of keys."""

from django.db.models import Q

from nullstore.admin.lists.filters import Conditions


class State(Conditions):
    title = "state"
    parameter_name = "state"
    conditions = {
        "active": ("Active", lambda: Q(is_active=True, revoked_at=None)),
        "paused": ("Paused", lambda: Q(is_active=False, revoked_at=None)),
        "revoked": ("Revoked", lambda: Q(revoked_at__isnull=False)),
    }


class SharedSecret(Conditions):
    """By the annotation of AgentApiKeyAdmin.get_queryset()."""

    title = "secret"
    parameter_name = "shared"
    conditions = {
        "yes": ("Same secret elsewhere", lambda: Q(has_twin=True)),
        "no": ("Only here", lambda: Q(has_twin=False)),
    }
