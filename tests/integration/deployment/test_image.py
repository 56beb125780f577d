"""The steps of the Dockerfile, replayed without Docker: what they make runs, and its HEALTHCHECK is answered."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.integration.deployment.gunicorns import Gunicorn, gunicorn
from tests.integration.replicas import wait_for
from tests.unit.test_deployment_files import DOCKERFILE, ROOT, steps


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Just the files that the image has, and the static files that its build makes of them."""
    folder = tmp_path_factory.mktemp("image") / "app"
    for step in steps("COPY"):
        *sources, target = shlex.split(step)
        for source in sources:
            place = folder / (target if (ROOT / source).is_dir() else f"{target}/{source}")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", ".env"))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    (step,) = [step for step in steps("RUN") if "collectstatic" in step]
    done = subprocess.run(
        ["/bin/sh", "-c", step.replace("python", shlex.quote(sys.executable), 1)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def variables(folder: Path) -> dict[str, str]:
    """ENV of the Dockerfile, with a place for static files in the folder above."""
    found = dict(part.split("=", 1) for step in steps("ENV") for part in shlex.split(step))
    assert found["NULLSTORE_STATIC_DIR"] == "/srv/nullstore/static"
    return {**found, "NULLSTORE_STATIC_DIR": str(folder.parent / "static")}


def healthcheck(running: Gunicorn) -> subprocess.CompletedProcess[str]:
    """HEALTHCHECK as Docker runs it, on this port."""
    (line,) = [line for line in DOCKERFILE if line.startswith("HEALTHCHECK")]
    command = json.loads(line[line.index("CMD ") + 4 :])
    assert command[0] == "python"
    code = [part.replace("8000", str(running.port)) for part in command[1:]]
    assert code != command[1:]
    timeout = re.search(r"--timeout=(\d+)s", line)
    assert timeout
    return subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=int(timeout[1]))


@pytest.mark.usefixtures("committed_pair")
def test_what_is_copied_serves_and_is_healthy_whatever_hosts_are_allowed(image: Path, tmp_path: Path) -> None:
    more = {**variables(image), "NULLSTORE_HTTPS": "on", "ALLOWED_HOSTS": "ops.example.com"}
    with gunicorn(tmp_path / "log", image, **more) as running:
        assert healthcheck(running).returncode == 0
        # Pages are for those hosts only, and by https.
        assert running.get("/admin/login/")[0] == 400
        status, headers, _ = running.get("/admin/login/", Host="ops.example.com")
        assert (status, headers["Location"]) == (301, "https://ops.example.com/admin/login/")
        running.process.terminate()
        running.process.wait(15)
        assert healthcheck(running).returncode != 0


@pytest.mark.usefixtures("committed_pair")
def test_pages_and_files_are_served_and_sigterm_ends_it(image: Path, tmp_path: Path) -> None:
    with gunicorn(tmp_path / "log", image, **variables(image)) as running:
        status, _, page = running.get("/admin/login/")
        assert status == 200
        paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
        assert paths
        for path in paths:
            status, headers, _ = running.get(path)
            assert status == 200, path
            assert "max-age=315360000" in headers["Cache-Control"], path
            assert "immutable" in headers["Cache-Control"], path
        status, headers, _ = running.get("/favicon.ico")
        assert status == 302
        assert running.get(headers["Location"])[0] == 200
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0


def looks(running: Gunicorn, pages: list[str]) -> list[str]:
    """Scrape once more. A worker that has just begun, on a busy machine, may answer before it has seen replication."""
    page = running.get("/metrics")[2]
    if "nullstore_replication_verdict{" in page:
        pages.append(page)
    return pages


@pytest.mark.usefixtures("committed_pair")
def test_two_workers_say_the_same(tmp_path: Path) -> None:
    changing = re.compile(r"nullstore_(scrape|replication_(lag|look))_|pg_wal_lsn_diff|^#")
    with gunicorn(tmp_path / "log", NULLSTORE_WORKERS="2") as running:
        pages: list[str] = []
        wait_for(lambda: len(looks(running, pages)) >= 12)
        assert running.said().count("Booting worker") == 2
    told = {tuple(line for line in page.splitlines() if not changing.search(line)) for page in pages}
    assert len(told) == 1
    assert 'nullstore_replication_verdict{verdict="ok"} 1.0' in told.pop()


@pytest.mark.slow
def test_the_requirements_install_from_their_wheels_alone(tmp_path: Path) -> None:
    """Both pip steps: what one collects is all that the other needs."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    collect, install = [step for step in steps("RUN") if "requirements.txt" in step]
    for step in (collect, re.sub(r"^--mount=\S+\s+|&& useradd.*$", "", install)):
        command = step.replace("pip ", f"{python} -m pip ", 1).replace("/wheels", str(tmp_path / "wheels"))
        done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stderr[-3000:]
    done = subprocess.run([python, "-c", "import gunicorn, django, psycopg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
