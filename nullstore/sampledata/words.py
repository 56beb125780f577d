"""Pools of words: Faker fills them once, rows are combined from them. Domains and addresses are reserved ones."""

from dataclasses import dataclass
from typing import Final

from faker import Faker

TOKENS: Final = ("SOL", "ETH", "USDC", "JUP", "BONK", "ARB", "LINK", "MATIC", "MON", "WIF", "RNDR", "PYTH")
VENUES: Final = ("Orca", "Raydium", "Uniswap", "Phoenix", "Meteora", "Curve", "Jupiter", "Aerodrome")
PROTOCOLS: Final = ("Aave", "Kamino", "Marinade", "Lido", "Drift", "Morpho", "Pendle", "Jito", "GMX", "Compound")
TOPICS: Final = (
    "liquid staking",
    "restaking points",
    "stablecoin depegs",
    "memecoin rotation",
    "MEV protection",
    "real-world assets",
    "account abstraction",
    "parallel execution",
    "cross-chain bridges",
    "prediction markets",
)
_PUBLIC_DOMAINS: Final = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True)
class Words:
    """The pools that Faker fills. Names are in lower case letters, for use in addresses."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    full_names: tuple[str, ...]
    domains: tuple[str, ...]
    companies: tuple[str, ...]
    phrases: tuple[str, ...]
    user_agents: tuple[str, ...]


def make_words(seed: int) -> Words:
    """Fill the pools: the same for the same seed and the same version of Faker."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    companies = tuple(fake.company() for _ in range(120))
    return Words(
        first_names=tuple(_slug(fake.first_name()) for _ in range(400)),
        last_names=tuple(_slug(fake.last_name()) for _ in range(600)),
        full_names=tuple(fake.name() for _ in range(300)),
        domains=_PUBLIC_DOMAINS * 60 + tuple(f"{_slug(company)}.example" for company in companies),
        companies=companies,
        phrases=tuple(f"{fake.catch_phrase()}." for _ in range(300)),
        user_agents=tuple(fake.user_agent() for _ in range(80)),
    )


def _slug(text: str) -> str:
    """Return the ASCII letters of `text` in lower case."""
    return "".join(letter for letter in text.lower() if "a" <= letter <= "z")
