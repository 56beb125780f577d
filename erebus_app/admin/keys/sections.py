"""Parts of pages that tell about keys: of a key's own page, and of the page of an agent."""

from functools import partial
from typing import Any, Final

from django.apps import apps
from django.http import HttpRequest

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import keys_of_agent, twins_of
from nullstore.admin.neighbours import first_of, may_view
from nullstore.admin.sections import Section, add_section
from nullstore.databases import AGENTS, EREBUS

#: How many rows a section shows.
SHOWN: Final = 20
_AGENT: Final = "agents_app.Agent"
_TEMPLATES: Final = "admin/erebus_app/agentapikey"


def twins(key: AgentApiKey) -> Section:
    """The other keys with the same secret."""

    def load() -> dict[str, Any]:
        return first_of(twins_of(key), SHOWN)

    return Section("The same secret is stored elsewhere", f"{_TEMPLATES}/twins.html", load, "twins", EREBUS)


def access_log(request: HttpRequest, key: AgentApiKey) -> Section | None:
    """What was done with the key, newest first."""
    if not may_view(request, "erebus_app.SecretAccessLog"):
        return None

    def load() -> dict[str, Any]:
        return {**first_of(SecretAccessLog.objects.filter(api_key_id=key.pk).order_by("-id"), SHOWN), "key": key}

    return Section("What was done with this key", f"{_TEMPLATES}/log.html", load, "access-log", EREBUS)


def agents_of_name(request: HttpRequest, key: AgentApiKey) -> Section | None:
    """The agents that use the key: those of its agent_name, in the other database."""
    if not may_view(request, _AGENT):
        return None

    def load() -> dict[str, Any]:
        model = apps.get_model(_AGENT)
        columns = ("pk", "name", "agent_type", "status", "health_status", "last_action_at")
        found = model._default_manager.filter(name=key.agent_name).only(*columns).order_by("agent_type")
        return {**first_of(found, SHOWN), "key": key}

    return Section("Agents that use it", f"{_TEMPLATES}/agents.html", load, "agents", AGENTS)


def of_agent(request: HttpRequest, agent: Any) -> Section | None:
    """The keys of an agent, for its page in the other app."""
    if not may_view(request, "erebus_app.AgentApiKey"):
        return None
    load = partial(_keys_of, agent.name)
    return Section("API keys that it uses", f"{_TEMPLATES}/of_agent.html", load, "api-keys", EREBUS)


def _keys_of(name: str) -> dict[str, Any]:
    return {**first_of(keys_of_agent(name), SHOWN), "name": name}


add_section(_AGENT, of_agent)
