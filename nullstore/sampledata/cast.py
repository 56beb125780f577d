"""The dozen agents that work on the made-up tasks. They are the same in every run: written once, then found."""

from typing import Final, NamedTuple

from nullstore.sampledata.copying import Table, Target
from nullstore.sampledata.values import DAY, generator, json_text, moment, uuid_text

AGENTS: Final = Table.of(
    "agents",
    "id name agent_type description status capabilities endpoint_url metadata performance_metrics health_status "
    "last_health_check created_at updated_at",
)


class Member(NamedTuple):
    """An agent as it registers itself."""

    name: str
    agent_type: str
    description: str
    capabilities: tuple[str, ...]
    status: str = "online"
    health: str = "healthy"


CAST: Final = (
    Member("Conductor", "orchestrator", "Splits requests into tasks and hands them out.", ("planning", "delegation")),
    Member("Arbitrage Scout", "arbitrage", "Looks for price differences between exchanges.", ("quotes", "simulation")),
    Member("Route Runner", "execution", "Executes swaps along the cheapest route.", ("swaps", "signing"), "busy"),
    Member("Social Listener", "social", "Follows what people write about tokens.", ("sentiment", "trends")),
    Member("Research Analyst", "research", "Reads papers, docs and forums, and sums them up.", ("search", "summaries")),
    Member("Portfolio Warden", "portfolio", "Watches balances and proposes rebalancing.", ("balances", "reports")),
    Member("Risk Sentinel", "risk", "Warns before positions are liquidated.", ("alerts", "models"), "busy"),
    Member("Contract Auditor", "security", "Reads smart contracts for known flaws.", ("solidity", "anchor")),
    Member("Governance Watcher", "governance", "Tracks proposals and deadlines for votes.", ("proposals", "reminders")),
    Member("Content Composer", "content", "Drafts posts, threads and newsletters.", ("writing", "images")),
    Member("Data Librarian", "data", "Cleans and files data sets.", ("etl", "search"), "offline", "unknown"),
    Member("Compliance Clerk", "compliance", "Checks addresses and limits.", ("screening",), "error", "degraded"),
)


def write_cast(target: Target, *, seed: int, now: float) -> dict[str, str]:
    """Write the agents that are not there yet; return the id of each by its type."""
    rng = generator(seed, "cast")
    there: dict[str, str] = dict(target.query(_THERE, [[m.name for m in CAST], [m.agent_type for m in CAST]]))
    made = {member.agent_type: uuid_text(rng) for member in CAST}
    created, checked = moment(now - 200 * DAY), moment(now - 20)
    target.copy(
        AGENTS,
        [
            (
                made[member.agent_type],
                member.name,
                member.agent_type,
                member.description,
                member.status,
                json_text(member.capabilities),
                f"http://{member.agent_type}.agents.example:9003",
                json_text({"protocol": "a2a", "protocol_version": "0.3.0"}),
                json_text({"error_rate": round(rng.random() * 0.1, 3), "uptime_percent": 99.5}),
                member.health,
                checked,
                created,
                created,
            )
            for member in CAST
            if member.agent_type not in there
        ],
    )
    return {**made, **there}


_THERE: Final = """
    SELECT agent_type, id::text FROM agents
    WHERE (name, agent_type) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""
