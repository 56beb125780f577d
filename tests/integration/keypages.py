"""What tests of API keys share: two secrets, the pages, the log, and the forms in which a secret could get out."""

import base64
from typing import Any, Final

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import add_key
from nullstore.actor import Actor

KEY: Final = "erebus_app.AgentApiKey"
LOG: Final = "erebus_app.SecretAccessLog"
AGENT: Final = "agents_app.Agent"
SECRET: Final = "sk-ant-api03-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2"
OTHER: Final = "sk-ant-api03-Gh47bX2sQmJyVd5nTk86LwPzCeRa9UfB1"
NEW: Final = {"agent_name": "scribe", "provider": "anthropic", "new_secret": SECRET}
PASSWORD: Final = "correct-horse-battery"


def make_key(agent_name: str = "scribe", secret: str = SECRET) -> AgentApiKey:
    """Store a key as the Python API does; the log names ada."""
    key = AgentApiKey(agent_name=agent_name, provider="anthropic")
    add_key(key, secret, Actor("ada"))
    return key


def staff(*codenames: str, name: str = "grace", password: str | None = PASSWORD) -> Client:
    """A member of staff with these permissions, logged in, at 192.0.2.7."""
    user = User.objects.create_user(name, password=password, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(user)
    return client


def action_page(key: AgentApiKey, action: str) -> str:
    return reverse(f"admin:erebus_app_agentapikey_{action}", args=[key.pk])


def log() -> list[tuple[Any, ...]]:
    return list(SecretAccessLog.objects.order_by("pk").values_list("action", "agent_name", "actor", "ip_address"))


def traces(key: AgentApiKey, secret: str = SECRET) -> list[str]:
    """The forms in which a secret or its ciphertext could appear: as text, base64, hex, or as Python shows bytes."""
    stored = bytes(AgentApiKey.objects.get(pk=key.pk).secret)
    return [secret, secret[8:], base64.b64encode(stored).decode(), stored.hex(), repr(stored)[2:-1], "memory at"]
