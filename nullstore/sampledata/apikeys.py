"""A few API keys of the agents. Their secrets are made up, and say so."""

from typing import Final

from django.apps import apps

from nullstore.sampledata.copying import Target
from nullstore.sampledata.values import DAY, generator, moment, uuid_text

#: (agent_name, provider), which is what tells keys apart.
KEYS: Final = (
    ("Conductor", "anthropic"),
    ("Conductor", "openai"),
    ("Research Analyst", "openrouter"),
    ("Social Listener", "groq"),
    ("Content Composer", "openai"),
    ("Data Librarian", "huggingface"),
)


def write_api_keys(target: Target, *, seed: int, now: float) -> None:
    """Write those of KEYS that are not there yet, encrypted as the model does it."""
    rng = generator(seed, "api keys")
    model = apps.get_model("erebus_app.AgentApiKey")
    there = set(model._default_manager.using(target.alias).values_list("agent_name", "provider"))
    for agent_name, provider in KEYS:
        key = model(
            id=uuid_text(rng),
            agent_name=agent_name,
            provider=provider,
            key_name=f"{agent_name} ({provider})",
            usage_count=rng.randrange(5000),
            last_used_at=moment(now - DAY * rng.random()),
        )
        # Drawn for those that are there, too: the others do not depend on them.
        secret = f"sk-example-{provider}-this-is-no-real-key-{rng.getrandbits(64):016x}"
        if (agent_name, provider) not in there:
            target.rows[model._meta.db_table] += 1
            if not target.dry_run:
                key.set_secret(secret)
                key.save(using=target.alias, force_insert=True)
