"""As a developer does it: the one definition edited, makemigrations, migrate; in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.schema_changes.changing import databases
from tests.servers import Pair, url

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("copied_erebus", "copied_agents")
FIELD = "    nickname = models.CharField(max_length=50, null=True, blank=True)\n"
TWO_FIELDS = '    phone = models.CharField(max_length=50, db_default="none")\n    born = models.DateField(null=True)\n'


class Project:
    """A copy of the project, and databases for it."""

    def __init__(self, folder: Path, pair: Pair) -> None:
        self.folder = folder
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copy(ROOT / "manage.py", folder)
        for name in ("nullstore", "erebus_app", "agents_app"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        ports = (pair.erebus.port, pair.agents.port)
        urls = [url(port, name) for port, name in zip(ports, NAMES, strict=True)]
        self.environment = {
            **os.environ,
            "EREBUS_DATABASE_URL": urls[0],
            "AGENTS_DATABASE_URL": urls[1],
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def edit(self, old: str, new: str) -> None:
        """Replace text in the definition of the replicated columns."""
        path = self.folder / "nullstore" / "identity.py"
        before = path.read_text()
        assert before.count(old) == 1
        path.write_text(before.replace(old, new))

    def manage(self, *arguments: str, exit_code: int = 0) -> str:
        """Run manage.py; return what it printed on stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == exit_code, done.stderr
        return done.stdout + done.stderr

    def migrations(self) -> set[str]:
        """What there is beside the project's own migrations, without numbers."""
        names = [
            {f"{path.parts[-3]}/{path.stem[5:]}" for path in folder.glob("*_app/migrations/0*.py")}
            for folder in (self.folder, ROOT)
        ]
        return names[0] - names[1]


@pytest.fixture
def project(pair: Pair, tmp_path: Path) -> Iterator[Project]:
    with databases(pair, NAMES):
        yield Project(tmp_path, pair)


@pytest.mark.slow
def test_one_edit_two_migrations_and_the_right_order(project: Project) -> None:
    field = "    network = models.CharField("
    project.edit(field, FIELD + field)
    project.manage("makemigrations")
    assert project.migrations() == {"erebus_app/userreference_nickname", "agents_app/userreference_nickname"}
    # As Django makes test databases: one after the other, each with all that it has to come.
    project.manage("migrate", "--database=erebus")
    project.manage("migrate", "--database=agents")

    project.edit(FIELD, TWO_FIELDS)
    project.manage("makemigrations")
    assert len(project.migrations()) == 6, "what comes and what goes are two migrations in each app"
    refusal = project.manage("migrate", "--database=erebus", exit_code=2)
    assert re.search(r"Run first: manage\.py migrate agents_app \d{4}_userreference_born", refusal)
    printed = project.manage("migrate")
    order = [line.split("(")[1].split(")")[0] for line in printed.splitlines() if "Applying" in line]
    assert order == ["agents", "erebus", "erebus", "agents"]
    assert "nullstore.W001" not in project.manage("check", "--database", "erebus", "--database", "agents")
    project.manage("makemigrations", "--check")
    project.manage("replication", "ping", "--timeout=30")
