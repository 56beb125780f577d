"""What made-up engrams say: keys by type, and a content for each."""

from random import Random
from typing import Any, Final, NamedTuple

from nullstore.sampledata.values import text_array
from nullstore.sampledata.words import PROTOCOLS, TOKENS, TOPICS, VENUES, Words


class Memory(NamedTuple):
    """A kind of engram: its key is a dotted path, domain.sub.name."""

    engram_type: str
    key: str
    tags: str
    name: str


def _memories(engram_type: str, domain: str, subs: tuple[str, ...], names: tuple[str, ...]) -> tuple[Memory, ...]:
    return tuple(
        Memory(
            engram_type,
            f"{domain}.{sub}.{name}".lower(),
            text_array(tuple(dict.fromkeys((engram_type, domain, sub.lower())))),
            name.replace("_", " "),
        )
        for sub in subs
        for name in names
    )


#: Every key there is: of one wallet, a key of this list is used once.
MEMORIES: Final = (
    *_memories("persona", "persona", ("voice", "identity", "role"), ("tone", "greeting", "humor", "boundaries")),
    *_memories("preference", "trading", ("slippage", "gas", "size"), ("default", "maximum", "weekend")),
    *_memories("preference", "display", ("charts", "reports", "alerts"), ("format", "language", "frequency")),
    *_memories("strategy", "arbitrage", VENUES, ("entry", "exit", "sizing")),
    *_memories("strategy", "dca", TOKENS, ("schedule", "stop")),
    *_memories("knowledge", "protocol", PROTOCOLS, ("fees", "risks", "history", "governance", "contracts")),
    *_memories("compliance", "limits", ("daily", "counterparty", "jurisdiction"), ("transfer", "trade", "withdrawal")),
)


_VOICE: Final = (
    "Answers in two sentences and offers to say more.",
    "Names the source of every figure.",
    "Says so when it does not know.",
    "Never gives advice on prices.",
    "Asks before it spends anything.",
    "Writes numbers with their unit.",
    "Uses no slang and no emoji.",
    "Repeats the request in its own words first.",
)
_FACTS: Final = (
    "Withdrawals took up to {number} hours at the last peak.",
    "The fee went down by {number} bps with the last proposal.",
    "Two audits, the last one {number} days ago, with no critical finding.",
    "The {token} market holds {number} percent of the deposits.",
    "The price feed of {token} was {number} seconds late in the last incident.",
    "Upgrades wait {number} hours before they take effect.",
    "The treasury holds {number} million USDC.",
    "A council of {number} can pause deposits, not withdrawals.",
)


def content_of(memory: Memory, rng: Random, words: Words) -> tuple[dict[str, Any], str]:
    """Return a content for an engram of this kind, and its summary."""
    number = rng.randint(1, 100)
    if memory.engram_type == "persona":
        rules = rng.sample(_VOICE, 3)
        return {"rules": rules, "strength": number}, f"How to speak: {memory.name}."
    if memory.engram_type == "preference":
        return {"value": number, "unit": "percent", "learned_from": "settings"}, f"The {memory.name} is {number}."
    if memory.engram_type == "strategy":
        when = {"above_bps": number, "size_usd": number * 50, "cooldown_seconds": rng.choice((30, 60, 300))}
        return {"rules": when, "backtest": {"trades": number * 7, "win_rate": round(rng.random(), 2)}}, (
            f"Act above {number} bps, with {number * 50} USD."
        )
    if memory.engram_type == "knowledge":
        topic = rng.choice(TOPICS)
        facts = [fact.format(number=number, token=rng.choice(TOKENS)) for fact in rng.sample(_FACTS, 2)]
        return {"facts": facts, "topic": topic, "confidence": round(rng.random(), 2)}, (
            f"What is known of {memory.name}, with regard to {topic}."
        )
    return {"limit_usd": number * 1000, "basis": "internal policy", "approved_by": rng.choice(words.full_names)}, (
        f"At most {number * 1000} USD ({memory.name})."
    )
