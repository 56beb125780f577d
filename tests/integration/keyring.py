"""Master keys and rows for the tests of stored secrets."""

from typing import Final

from erebus_app.models import AgentApiKey
from nullstore.encryption import key_id_of

K1: Final = "k1:KCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkc="
K2: Final = "k2:WltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHk="


def secret_of(name: str) -> str:
    return f"sk-proj-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2-{name}"


def add_rows(count: int, prefix: str = "agent") -> list[AgentApiKey]:
    """Store rows under the present first key, in the order of their ids."""
    rows = []
    for number in range(count):
        row = AgentApiKey(agent_name=f"{prefix}-{number}", provider="openai")
        row.set_secret(secret_of(row.agent_name))
        rows.append(row)
    AgentApiKey.objects.bulk_create(rows)
    return sorted(rows, key=lambda row: row.pk)


def stored() -> dict[str, tuple[str | None, str]]:
    """Key id and secret of every row that can be read, by agent name."""
    return {row.agent_name: (key_id_of(row.secret), row.reveal()) for row in AgentApiKey.objects.all()}


def all_under(key_id: str, names: list[str]) -> dict[str, tuple[str, str]]:
    """What stored() gives when every row has its own secret under the key `key_id`."""
    return {name: (key_id, secret_of(name)) for name in names}
