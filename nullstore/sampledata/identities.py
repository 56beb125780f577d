"""How made-up users came in: by wallet, e-mail, OAuth, API key, or as an agent of the system."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from nullstore.sampledata.values import evm_address, json_text, solana_address, weighted
from nullstore.sampledata.words import Words

EVM: Final = ("ethereum", "base", "polygon", "monad")
SOLANA: Final = "solana"

#: Of 100 users: the networks they came in by.
NETWORKS: Final = weighted(
    {"ethereum": 31, "base": 7, "polygon": 3, "monad": 3, SOLANA: 20, "email": 17, "oauth": 10, "api": 5, "system": 4}
)

_AGENTS: Final = ("orchestrator", "trading", "social", "research", "monitoring")
_KEYS: Final = ("ci-pipeline", "mobile-backend", "price-feed", "partner-sync", "reporting", "webhook")


class Identity(NamedTuple):
    """The columns of user_references that say who a user is, in their order."""

    source_identifier: str
    network: str
    user_type: str
    source_type: str
    email: str | None


def _source_types(kind: str, *providers: str) -> tuple[str, ...]:
    return tuple(json_text({"type": kind, "provider": provider, "metadata": {}}) for provider in providers)


_EVM_SOURCES: Final = _source_types("web3_wallet", "metamask", "metamask", "walletconnect", "coinbase", "unknown")
_SOLANA_SOURCES: Final = _source_types("web3_wallet", "phantom", "phantom", "solflare", "backpack", "unknown")
_EMAIL_SOURCES: Final = _source_types("email_auth", "password", "password", "magic_link")
_OAUTH_SOURCES: Final = _source_types("oauth", "google", "google", "github", "discord", "x")


class Identities:
    """Makes identities that differ: from each other by their number, from those of other runs by a tag."""

    def __init__(self, rng: Random, words: Words) -> None:
        self._rng = rng
        self._words = words
        self._tag = f"{rng.getrandbits(24):06x}"
        self._makers: dict[str, Callable[[str, int], Identity]] = {
            **dict.fromkeys(EVM, self._evm),
            SOLANA: self._solana,
            "email": self._email_auth,
            "oauth": self._oauth,
            "api": self._api_key,
            "system": self._system_agent,
        }

    def make(self, network: str, number: int) -> Identity:
        """Return the identity of the user with this number, who comes in by `network`."""
        return self._makers[network](network, number)

    def _email(self, number: int) -> str:
        words, choice = self._words, self._rng.choice
        name = f"{choice(words.first_names)}.{choice(words.last_names)}"
        return f"{name}.{number:x}{self._tag}@{choice(words.domains)}"

    def _maybe_email(self, number: int, share: float) -> str | None:
        return self._email(number) if self._rng.random() < share else None

    def _evm(self, network: str, number: int) -> Identity:
        source = self._rng.choice(_EVM_SOURCES)
        return Identity(evm_address(self._rng), network, "external", source, self._maybe_email(number, 0.15))

    def _solana(self, network: str, number: int) -> Identity:
        source = self._rng.choice(_SOLANA_SOURCES)
        return Identity(solana_address(self._rng), network, "external", source, self._maybe_email(number, 0.15))

    def _email_auth(self, network: str, number: int) -> Identity:
        email = self._email(number)
        return Identity(email, network, "external", self._rng.choice(_EMAIL_SOURCES), email)

    def _oauth(self, network: str, number: int) -> Identity:
        source = self._rng.choice(_OAUTH_SOURCES)
        subject = f"{self._rng.getrandbits(60):019d}-{number:x}{self._tag}"
        return Identity(subject, network, "external", source, self._maybe_email(number, 0.9))

    def _api_key(self, network: str, number: int) -> Identity:
        name = f"{self._rng.choice(_KEYS)}-{number:x}{self._tag}"
        source = json_text({"type": "api_key", "name": name, "metadata": {"scopes": ["tasks:read", "tasks:write"]}})
        return Identity(name, network, "api", source, None)

    def _system_agent(self, network: str, number: int) -> Identity:
        agent = self._rng.choice(_AGENTS)
        source = json_text({"type": "system_agent", "agent_type": agent, "metadata": {}})
        user_type = self._rng.choice(("agent", "system"))
        return Identity(f"agent:{agent}:{number:x}{self._tag}", network, user_type, source, None)
