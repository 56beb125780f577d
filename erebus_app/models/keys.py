"""agent_api_keys: keys of LLM providers, encrypted; secret_access_log: what was done with them."""

import uuid

from django.contrib.postgres.functions import RandomUUID, TransactionNow
from django.db import models
from django.db.models import Q

from erebus_app.encrypted import EncryptedSecret


class AgentApiKey(EncryptedSecret):
    """The key with which an agent calls a provider: one per agent and provider."""

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        ANTHROPIC = "anthropic", "Anthropic"
        GROQ = "groq", "Groq"
        OPENROUTER = "openrouter", "OpenRouter"
        HUGGINGFACE = "huggingface", "Hugging Face"
        OLLAMA = "ollama", "Ollama"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    agent_name = models.CharField(max_length=100)
    provider = models.CharField(max_length=50, choices=Provider)
    key_name = models.CharField(max_length=255, null=True, blank=True)
    usage_count = models.BigIntegerField(default=0, db_default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField("active", default=True, db_default=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=TransactionNow(), editable=False)
    updated_at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "agent_api_keys"
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        permissions = [("reveal_agentapikey", "Can reveal the secret of an API key")]
        # One secret at two agents is looked for on every page of keys.
        indexes = [models.Index(fields=["key_fingerprint"], name="agent_api_keys_fingerprint")]
        constraints = [
            models.CheckConstraint(
                condition=Q(provider__in=["openai", "anthropic", "groq", "openrouter", "huggingface", "ollama"]),
                name="agent_api_keys_provider_known",
                violation_error_message=(
                    "The provider must be openai, anthropic, groq, openrouter, huggingface or ollama."
                ),
            ),
            models.UniqueConstraint(
                fields=["agent_name", "provider"],
                name="agent_api_keys_agent_provider_unique",
                violation_error_message="This agent has a key of this provider already; rotate that one.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name} at {self.provider}"

    @property
    def state(self) -> str:
        """active, paused (not active, for now) or revoked (for good)."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.is_active else "paused"

    @property
    def visible(self) -> str | None:
        """What people may see of the secret: prefix…suffix."""
        ends = (self.key_prefix, self.key_suffix)
        return "…".join(end or "" for end in ends) if any(ends) else None


class SecretAccessLog(models.Model):
    """One thing that was done with a key. The database refuses to change or remove an entry.

    api_key_id is no foreign key: an entry outlives the key it speaks of.
    """

    class Action(models.TextChoices):
        ADDED = "added"
        ROTATED = "rotated"
        REVEALED = "revealed"
        REVOKED = "revoked"

    id = models.BigAutoField(primary_key=True)
    api_key_id = models.UUIDField("API key id")
    agent_name = models.CharField(max_length=100)
    provider = models.CharField(max_length=50)
    action = models.CharField(max_length=50, choices=Action)
    actor = models.CharField(max_length=255)
    reason = models.TextField(null=True, blank=True)
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    at = models.DateTimeField(db_default=TransactionNow(), editable=False)

    class Meta:
        db_table = "secret_access_log"
        verbose_name = "secret access"
        verbose_name_plural = "secret access log"
        indexes = [models.Index(fields=["api_key_id", "id"], name="secret_access_log_key")]

    def __str__(self) -> str:
        return f"{self.agent_name} at {self.provider}: {self.action} by {self.actor}"
