"""Comparisons of all rows as people see them: the last one, and one by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db.models import QuerySet

from nullstore.admin.replication import verifying
from nullstore.admin.replication.words import Fact
from nullstore.admin.show import between, row_url
from nullstore.databases import USER_SYNC
from nullstore.replication.compare.runs import process_at_work

MODEL: Final = "erebus_app.VerificationRun"
#: What is shown in place of `running` where no process is at work any more.
INTERRUPTED: Final = "interrupted"
_WHATS: Final = {
    "missing": "missing in the replica",
    "extra": "only in the replica",
    "different": "different",
    "changing": "written too often to compare",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that differs; the addresses are those of its pages, "" where it is not there."""

    table: str
    id: str
    what: str
    columns: str
    source: str
    replica: str


def with_process(runs: QuerySet) -> QuerySet:
    """Add to each run, as `at_work`, whether some process is at work on a comparison now."""
    annotated: QuerySet = runs.annotate(at_work=process_at_work())
    return annotated


def state_of(run: Any) -> str:
    """Return the state of a run of with_process()."""
    return INTERRUPTED if run.state == "running" and not run.at_work else str(run.state)


def last_run() -> dict[str, Any] | None:
    """Return what the page shows of the last comparison, None if there was none yet. Raises DatabaseError."""
    runs = with_process(apps.get_model(MODEL)._default_manager.order_by("-pk"))
    run = runs.first()
    if run is not None and state_of(run) == INTERRUPTED:
        # It may have come to its end between the two readings of this one query.
        run = runs.first()
    if run is None:
        return None
    state = state_of(run)
    return {
        "run": run,
        "state": state,
        "tone": {INTERRUPTED: "bad"}.get(state, ""),
        "doing": verifying.doing() if state == "running" else "",
        "url": row_url(MODEL, run.pk),
        "facts": figures(run.result),
        "error": _error(run, state),
    }


def detail(run: Any) -> dict[str, Any]:
    """Return what the page of a run shows: figures, and the rows that differ."""
    result = run.result if isinstance(run.result, dict) else {}
    rows = [_row(each) for each in _list(result, "rows")]
    counted = sum(_count(result, what) for what in _WHATS)
    taken = [Fact("time taken", between(run.started_at, run.finished_at))] if run.finished_at else []
    return {
        "facts": [*figures(result), *taken],
        "error": _error(run, state_of(run)),
        "rows": rows,
        "more": max(counted - len(rows), 0),
        "not_compared": ", ".join(map(str, _list(result, "not_compared"))),
    }


def figures(result: Any) -> list[Fact]:
    """Return the figures of a result; those that it does not have are left out."""
    if not isinstance(result, Mapping):
        return []
    counts = {"source_rows": "rows in the source", "replica_rows": "rows in the replica", **_WHATS}
    facts = [Fact(label, f"{_count(result, name):,}") for name, label in counts.items() if name in result]
    if "method" in result:
        facts.append(Fact("compared by", "every byte" if result["method"] == "audit" else "hashes"))
    if result.get("waited") is False:
        facts.append(Fact("compared", "as it stood, without waiting for the replica"))
    if isinstance(repaired := result.get("repaired"), Mapping):
        label = "would have been repaired" if result.get("dry_run") else "repaired"
        facts.append(Fact(label, ", ".join(f"{name} {count}" for name, count in repaired.items()) or "nothing"))
    return facts


def _error(run: Any, state: str) -> str:
    if state == INTERRUPTED:
        return "The process that ran it has ended without a word. Start another one; it records this one as failed."
    return str(run.result.get("error", "")) if isinstance(run.result, dict) else ""


def _count(result: Mapping[str, Any], name: str) -> int:
    value = result.get(name, 0)
    return value if isinstance(value, int) else 0


def _list(result: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = result.get(name)
    return value if isinstance(value, list) else []


def _row(said: Any) -> Row:
    row = said if isinstance(said, dict) else {}
    table, key, what = (str(row.get(name, "")) for name in ("table", "id", "what"))
    source, replica = _models().get(table, ("", ""))
    return Row(
        table,
        key,
        _WHATS.get(what, what),
        ", ".join(map(str, _list(row, "columns"))),
        row_url(source, key) if source and what != "extra" else "",
        row_url(replica, key) if replica and what != "missing" else "",
    )


def _models() -> dict[str, tuple[str, str]]:
    """Return the labels of source and replica by the name of their table."""
    return {apps.get_model(each.source)._meta.db_table: (each.source, each.replica) for each in USER_SYNC.models}
