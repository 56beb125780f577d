"""What a comparison of the replica with its source found."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

#: missing: the source has it, the replica does not. extra: the other way round. changing: it was written so often
#: that no moment was found at which both sides could be compared.
What = Literal["missing", "extra", "different", "changing"]
Method = Literal["hash", "audit"]

#: So many differing rows are kept by their ids; beyond that they are only counted.
KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same in the replica. `columns` are those that differ, by name; never their values."""

    table: str
    id: str
    what: What
    columns: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"table": self.table, "id": self.id, "what": self.what, "columns": list(self.columns)}


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of one run: how many rows there are and how many are not the same.

    `source_rows` is as of the moment at which the source was read, `replica_rows` what the replica has of and beside
    them. `differences` holds the first KEPT rows. `waited` is false for a comparison as it stands. `not_compared` are
    columns that only the replica has. `repaired` counts what a repair mended (with `dry_run`: would mend); the other
    counts are then of the state after it. `seconds` is the time the run took, `run` its id in verification_runs.
    """

    source_rows: int
    replica_rows: int
    missing: int
    extra: int
    different: int
    changing: int
    differences: tuple[Difference, ...]
    method: Method
    waited: bool
    seconds: float
    run: int
    not_compared: tuple[str, ...] = ()
    repaired: Mapping[str, int] | None = None
    dry_run: bool = False

    @property
    def differing(self) -> int:
        """How many rows are not the same."""
        return self.missing + self.extra + self.different

    @property
    def equal(self) -> bool:
        return not self.differing and not self.changing

    @property
    def exit_code(self) -> int:
        """0 equal, 1 different, 2 could not compare some rows and found no difference in the others."""
        if self.differing:
            return 1
        return 2 if self.changing else 0

    @property
    def state(self) -> str:
        """The state in verification_runs."""
        return ("equal", "different", "failed")[self.exit_code]

    def as_json(self, limit: int) -> dict[str, Any]:
        """Return what is printed and recorded, with the first `limit` rows."""
        repair = {} if self.repaired is None else {"repaired": dict(self.repaired), "dry_run": self.dry_run}
        return {
            "equal": self.equal,
            "source_rows": self.source_rows,
            "replica_rows": self.replica_rows,
            "missing": self.missing,
            "extra": self.extra,
            "different": self.different,
            "changing": self.changing,
            "rows": [difference.as_json() for difference in self.differences[:limit]],
            "not_compared": list(self.not_compared),
            "method": self.method,
            "waited": self.waited,
            "seconds": round(self.seconds, 3),
            "run": self.run,
            **repair,
        }


@dataclass(slots=True)
class Tally:
    """Counts differences while they are found, and keeps the first KEPT of them."""

    source_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[Difference] = field(default_factory=list)

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self.counts[difference.what] += 1
            if len(self.kept) < KEPT:
                self.kept.append(difference)

    def verification(
        self, *, method: Method, waited: bool, seconds: float, run: int, not_compared: Sequence[str], **more: Any
    ) -> Verification:
        counts = self.counts
        return Verification(
            source_rows=self.source_rows,
            replica_rows=self.source_rows + counts["extra"] - counts["missing"],
            missing=counts["missing"],
            extra=counts["extra"],
            different=counts["different"],
            changing=counts["changing"],
            differences=tuple(self.kept),
            method=method,
            waited=waited,
            seconds=seconds,
            run=run,
            not_compared=tuple(not_compared),
            **more,
        )
