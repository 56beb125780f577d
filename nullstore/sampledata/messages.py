"""A2A (v0.3) messages and artifacts of made-up tasks, as JSON text."""

from random import Random
from typing import Final

from nullstore.sampledata.scenarios import Scenario, text_part
from nullstore.sampledata.values import json_text, uuid_text

#: What a task in each status says about itself; those that are not here say nothing.
STATUS_MESSAGES: Final = {
    "input-required": (
        "Which wallet should I use? You have two.",
        "Is a slippage of more than 1 percent acceptable?",
        "Shall I include testnets?",
    ),
    "auth-required": ("Please sign in to the exchange again.", "Please approve the session in your wallet."),
    "failed": (
        "The RPC node did not answer within 30 seconds.",
        "The exchange refused the request: rate limit exceeded.",
        "The model's answer was not valid JSON after 3 attempts.",
        "The price moved by more than the slippage limit.",
    ),
    "rejected": (
        "This agent does not sign transactions.",
        "The request is outside of what this agent may do.",
        "The account has no budget left for this month.",
    ),
    "canceled": ("Canceled by the user.", "Canceled: replaced by a newer request."),
    "unknown": ("The agent was restarted and lost sight of this task.",),
}

#: Who says what until a task is in a status; "status" stands for its status message.
_TURNS: Final = {
    "submitted": (("user", "request"),),
    "working": (("user", "request"), ("agent", "accept")),
    "completed": (("user", "request"), ("agent", "accept"), ("agent", "answer")),
    "input-required": (("user", "request"), ("agent", "accept"), ("agent", "status")),
    "auth-required": (("user", "request"), ("agent", "status")),
    "failed": (("user", "request"), ("agent", "accept"), ("agent", "status")),
    "rejected": (("user", "request"), ("agent", "status")),
    "canceled": (("user", "request"), ("agent", "accept"), ("user", "status")),
    "unknown": (("user", "request"), ("agent", "accept")),
}
_ACCEPT: Final = tuple(
    json_text([text_part(text)]) for text in ("On it.", "Working on it.", "Started; this takes a moment.", "Got it.")
)
_STATUS_PARTS: Final = {text: json_text([text_part(text)]) for texts in STATUS_MESSAGES.values() for text in texts}


def history(rng: Random, scenario: Scenario, *, status: str, message: str | None, task_id: str, context_id: str) -> str:
    """Return the messages exchanged until the task came to `status`, oldest first."""
    said = {
        "request": scenario.request,
        "accept": rng.choice(_ACCEPT),
        "answer": scenario.answer,
        "status": _STATUS_PARTS[message] if message else "[]",
    }
    turns = (
        f'{{"kind": "message", "role": "{role}", "parts": {said[what]}, "messageId": "{uuid_text(rng)}", '
        f'"taskId": "{task_id}", "contextId": "{context_id}"}}'
        for role, what in _TURNS[status]
    )
    return f"[{', '.join(turns)}]"


def artifacts(rng: Random, scenario: Scenario) -> str:
    """Return the one artifact of a completed task."""
    return f'[{{"artifactId": "{uuid_text(rng)}", "name": {scenario.artifact_name}, "parts": {scenario.artifact}}}]'
