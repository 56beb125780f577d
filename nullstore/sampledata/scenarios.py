"""What tasks are about: templates per type of agent, filled in once with words into a pool of scenarios."""

from random import Random
from typing import Any, Final, NamedTuple

from nullstore.sampledata.cast import CAST
from nullstore.sampledata.values import json_text
from nullstore.sampledata.words import PROTOCOLS, TOKENS, TOPICS, VENUES

#: How often each template is filled in.
VARIANTS: Final = 40


class Template(NamedTuple):
    """A kind of task. `seconds` is how long it usually takes."""

    agent_type: str
    task_type: str
    name: str
    request: str
    answer: str
    artifact: str
    seconds: float


class Scenario(NamedTuple):
    """A template that is filled in. `request`, `answer` and `artifact` hold A2A parts as JSON; so do the last two."""

    agent_type: str
    task_type: str
    name: str
    description: str
    seconds: float
    request: str
    answer: str
    artifact_name: str
    artifact: str
    summary: str
    parameters: str
    capabilities: str


TEMPLATES: Final = (
    Template(
        "orchestrator",
        "planning",
        "Plan: {topic} report for {token}",
        "Prepare a report on {topic} with a focus on {token}. Split the work as you see fit.",
        "The report on {topic} is ready; {number} sources went into it.",
        "report.md",
        60,
    ),
    Template(
        "orchestrator",
        "chat",
        "Answer: how does {protocol} work",
        "Explain in plain words how {protocol} works and what can go wrong.",
        "{protocol} pays holders of {token} from its fees. The main risks are bad debt and a failing price feed.",
        "answer.md",
        6,
    ),
    Template(
        "arbitrage",
        "scan",
        "Scan {token}/USDC spreads: {venue} and {venue2}",
        "Watch {token}/USDC on {venue} and {venue2} for {number} minutes; report spreads above {bps} bps.",
        "{number} windows above {bps} bps between {venue} and {venue2}; the widest lasted 4 blocks.",
        "spreads.json",
        240,
    ),
    Template(
        "arbitrage",
        "simulation",
        "Simulate {token} round trip over {venue}",
        "Simulate buying {number} {token} on {venue} and selling on {venue2}, fees included.",
        "The round trip loses {bps} bps after fees. Not worth it at this size.",
        "simulation.json",
        35,
    ),
    Template(
        "execution",
        "swap",
        "Swap {number} USDC to {token} on {venue}",
        "Swap {number} USDC to {token}; slippage at most {bps} bps.",
        "Swapped on {venue} in one transaction; slippage was below {bps} bps.",
        "receipt.json",
        12,
    ),
    Template(
        "social",
        "sentiment",
        "Sentiment of {token} over {number} hours",
        "What do people write about {token}? Look at the last {number} hours.",
        "Mood on {token} is slightly positive; most posts are about {topic}.",
        "sentiment.json",
        45,
    ),
    Template(
        "research",
        "research",
        "Research {topic} on {protocol}",
        "Collect what is known about {topic} in the context of {protocol}, with sources.",
        "Found {number} sources. They agree on the mechanism and differ on the risk.",
        "findings.md",
        180,
    ),
    Template(
        "portfolio",
        "report",
        "Weekly portfolio report ({token})",
        "Send me the weekly report; tell me if {token} is more than {number} percent.",
        "{token} is at {number} percent. A proposal for rebalancing is attached.",
        "portfolio.csv",
        20,
    ),
    Template(
        "risk",
        "monitoring",
        "Watch the {protocol} position",
        "Warn me if the health factor of my {protocol} position falls below 1.{number}.",
        "The health factor stayed above 1.{number} for the whole time.",
        "health.json",
        900,
    ),
    Template(
        "security",
        "audit",
        "Audit the {protocol} adapter",
        "Review the adapter for {protocol}: reentrancy, rounding, access rights.",
        "No critical findings, {number} remarks, one about rounding.",
        "audit.md",
        600,
    ),
    Template(
        "governance",
        "digest",
        "Digest of {protocol} proposals",
        "Which {protocol} proposals end within {number} days, and what do they change?",
        "Two proposals end soon; one changes how {token} holders are paid.",
        "digest.md",
        30,
    ),
    Template(
        "content",
        "draft",
        "Draft a thread about {topic}",
        "Write a thread of {number} posts about {topic}, without price predictions.",
        "The draft has {number} posts. Please check the second one for tone.",
        "thread.md",
        25,
    ),
    Template(
        "data",
        "import",
        "Import {venue} trades of {token}",
        "Load the {token} trades of the last {number} days from {venue} and remove duplicates.",
        "Loaded the trades of {number} days; 0.{bps} percent were duplicates.",
        "trades.csv",
        400,
    ),
    Template(
        "compliance",
        "screening",
        "Screen a counterparty on {venue}",
        "Check the counterparty of my last {token} trade on {venue} against the lists.",
        "No match on {number} lists.",
        "screening.json",
        8,
    ),
)

_MIME: Final = {"md": "text/markdown", "csv": "text/csv"}
_CAPABILITIES: Final = {member.agent_type: json_text(member.capabilities[:1]) for member in CAST}


def make_scenarios(rng: Random) -> tuple[Scenario, ...]:
    """Fill every template in VARIANTS times."""
    return tuple(_fill(template, rng) for template in TEMPLATES for _ in range(VARIANTS))


def text_part(text: str) -> dict[str, Any]:
    """Return an A2A part of kind text."""
    return {"kind": "text", "text": text}


def _fill(template: Template, rng: Random) -> Scenario:
    venue, venue2 = rng.sample(VENUES, 2)
    data = {"token": rng.choice(TOKENS), "venue": venue, "number": rng.randint(3, 60), "bps": rng.randint(5, 90)}
    words = {**data, "venue2": venue2, "protocol": rng.choice(PROTOCOLS), "topic": rng.choice(TOPICS)}
    request, answer = template.request.format_map(words), template.answer.format_map(words)
    request_parts: list[dict[str, Any]] = [text_part(request)]
    if rng.random() < 0.3:
        request_parts.append({"kind": "data", "data": data})
    if rng.random() < 0.1:
        request_parts.append(_file_part("notes.md", rng))
    return Scenario(
        agent_type=template.agent_type,
        task_type=template.task_type,
        name=template.name.format_map(words),
        description=request,
        seconds=template.seconds,
        request=json_text(request_parts),
        answer=json_text([text_part(answer)]),
        artifact_name=json_text(template.artifact),
        artifact=json_text(_artifact_parts(template.artifact, answer, data, rng)),
        summary=json_text(answer),
        parameters=json_text(data),
        capabilities=_CAPABILITIES[template.agent_type],
    )


def _artifact_parts(name: str, answer: str, data: dict[str, Any], rng: Random) -> list[dict[str, Any]]:
    if name.endswith(".json"):
        return [{"kind": "data", "data": {**data, "result": answer}}]
    return [text_part(answer), _file_part(name, rng)]


def _file_part(name: str, rng: Random) -> dict[str, Any]:
    uri = f"https://files.example/{rng.getrandbits(64):016x}/{name}"
    return {"kind": "file", "file": {"name": name, "mimeType": _MIME[name.rpartition(".")[2]], "uri": uri}}
