"""Which benchmarks there are, and how much of each is run at the small and at the full size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.measure import Outcome

Run = Callable[[], Outcome]


@dataclass(frozen=True)
class Size:
    """How much is measured. At `main` users also what the number of rows hardly matters to."""

    name: str
    rows: tuple[int, ...]
    main: int
    #: Rounds of a comparison, at up to `main` users; beyond, half of them.
    rounds: int
    #: Seconds of one round of what is sampled.
    seconds: float
    #: Rounds of latency, and the writes a second beside it (None: all that can be).
    latency_rounds: int
    loads: tuple[int | None, ...]
    writes: int
    page_visits: int
    planted: tuple[int, ...]
    soak_minutes: float
    backup_rows: int

    def rounds_at(self, rows: int) -> int:
        return self.rounds if rows <= self.main else max(self.rounds // 2, 2)


SMALL = Size(
    name="small",
    rows=(5_000, 50_000),
    main=50_000,
    rounds=3,
    seconds=0.5,
    latency_rounds=3,
    loads=(0, 1_000),
    writes=500,
    page_visits=3,
    planted=(1, 1_000),
    soak_minutes=0.3,
    backup_rows=5_000,
)
FULL = Size(
    name="full",
    rows=(10_000, 100_000, 1_000_000, 5_000_000),
    main=1_000_000,
    rounds=5,
    seconds=2,
    latency_rounds=20,
    loads=(0, 200, 1_000, None),
    writes=5_000,
    page_visits=7,
    planted=(1, 1_000, 100_000),
    soak_minutes=10,
    backup_rows=1_000_000,
)

#: In the order of the page; the first five at every number of rows, for how they grow.
NAMES = ("latency", "backfill", "verify", "fence", "pages", "writes", "router", "backup", "soak")
GROWING = NAMES[:5]
#: These have servers of their own.
APART = ("backup", "soak")


def growing(size: Size, rows: int) -> Iterator[tuple[str, Run]]:
    """Yield the benchmarks of the measured pair at this number of rows. Django has to be set up."""
    from benchmarks import backfill, fence, latency, pages, verify

    rounds, whole = size.rounds_at(rows), rows == size.main
    # First, while the tables are as new as those of the bare pair.
    loads = size.loads if whole else size.loads[:1]
    yield "latency", lambda: latency.run(rows, rounds=size.latency_rounds, seconds=size.seconds, loads=loads)
    yield "verify", lambda: verify.run(rows, rounds=rounds, planted=size.planted)
    yield "fence", lambda: fence.run(rows, rounds=rounds, seconds=size.seconds, clients=(1, 50) if whole else (1,))
    yield "pages", lambda: pages.run(rows, runs=size.page_visits)
    yield "backfill", lambda: backfill.run(rows, rounds=max(rounds // 2, 2))


def once(size: Size) -> Iterator[tuple[str, Run]]:
    """Yield those of the measured pair to which its rows do not matter."""
    from benchmarks import router, writes

    yield "writes", lambda: writes.run(rows=size.writes, rounds=size.rounds + 2)
    yield "router", router.run


def apart(size: Size) -> Iterator[tuple[str, Run]]:
    """Yield those that start servers of their own."""
    from benchmarks import backup, soak

    yield "backup", lambda: backup.run(users=size.backup_rows, tasks=size.backup_rows)
    yield "soak", lambda: soak.run(size.soak_minutes, None)
