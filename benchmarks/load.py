"""Writers beside what is measured: pgbench, which is cheap enough to share two cores with the servers."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare import program
from benchmarks.pair import Place, libpq_environment

#: One transaction: a new user, as a service writes one.
SCRIPT = "INSERT INTO user_references (source_identifier, network) VALUES ('load-' || gen_random_uuid(), 'load');\n"


@dataclass
class Load:
    """What the writers did; known once the block has ended."""

    per_second: float = 0.0


@contextmanager
def writes(rate: int | None, *, place: Place | None = None, clients: int = 2, alias: str = "erebus") -> Iterator[Load]:
    """Write users at `rate` transactions per second, as many as can be with None, for as long as the block lasts.

    The rows are of the network `load`; to take them away is up to the caller. Raises RuntimeError if a write failed.
    """
    load = Load()
    if rate == 0:
        yield load
        return
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "load.sql"
        script.write_text(SCRIPT, encoding="ascii")
        # An hour is longer than anything here; the block ends it.
        words = [program("pgbench"), "-n", "-f", script, "-c", str(clients), "-T", "3600", "-P", "1", "-M", "prepared"]
        words += [] if rate is None else ["-R", str(rate)]
        with subprocess.Popen(
            list(map(str, words)),
            env=libpq_environment(alias, place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            first = _progress(process.stderr.readline, process)
            try:
                yield load
            finally:
                process.terminate()
                said = first + process.stderr.read()
    rates = [float(found) for found in re.findall(r"progress: .*? s, ([0-9.]+) tps", said)]
    if "error" in said or "aborted" in said or not rates:
        raise RuntimeError(f"pgbench failed: {said.strip()}")
    load.per_second = sum(rates) / len(rates)


def _progress(readline, process) -> str:  # type: ignore[no-untyped-def]
    """Return what was said up to the first line of progress: then the writers are in full swing."""
    said = ""
    while "progress:" not in said:
        line = readline()
        if not line:
            raise RuntimeError(f"pgbench ended with {process.wait()}: {said.strip()}")
        said += line
    return said
