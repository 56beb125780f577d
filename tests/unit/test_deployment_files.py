"""compose.yaml, Dockerfile and .dockerignore name what there is: all that can be known without Docker."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from nullstore.dburl import parse_database_url

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
#: Continued lines joined, comments and empty lines left out.
DOCKERFILE = [
    line
    for line in re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
OURS = [name for name, service in SERVICES.items() if "build" in service]
SERVERS = [name for name in SERVICES if name not in OURS]
#: What the official image brings.
OF_POSTGRES = {"postgres", "pg_isready"}


def steps(name: str) -> list[str]:
    return [line.partition(" ")[2] for line in DOCKERFILE if line.startswith(f"{name} ")]


def assert_runs(command: list[str]) -> None:
    """The program is in the image, and of manage.py the command exists."""
    requirements = {line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert command[0] == "python" or command[0] in requirements, command
    if command[:2] == ["python", "manage.py"]:
        assert command[2] in get_commands()


def test_every_variable_is_described_in_the_example() -> None:
    described = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    used = re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT)
    assert set(used) - described == set()
    assert COMPOSE_TEXT.count("$") == len(used), "a $ that begins no ${VARIABLE...}"


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET_KEY|ENCRYPTION_KEYS))([^}]*)\}", COMPOSE_TEXT)
    assert secrets
    assert [name for name, rest in secrets if rest != ":?"] == []


def test_what_is_passed_on_is_a_setting() -> None:
    described = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for name in OURS:
        assert set(SERVICES[name]["environment"]) - described == set()


def test_urls_lead_to_services_and_are_taken_by_the_settings() -> None:
    for name in OURS:
        for variable, value in SERVICES[name]["environment"].items():
            if variable.endswith("_URL") and value:
                place = parse_database_url(variable, re.sub(r"\$\{[^}]*\}", "word", value))
                assert place["HOST"] in SERVERS, variable
                assert place["NAME"] == SERVICES[place["HOST"]]["environment"]["POSTGRES_DB"], variable


@pytest.mark.parametrize("name", OURS)
def test_commands_of_ours_exist(name: str) -> None:
    assert_runs(SERVICES[name]["command"])


@pytest.mark.parametrize("name", SERVERS)
def test_servers_keep_their_data_and_say_when_they_are_ready(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == "postgres:18"
    # The image of 18 and newer has its data in /var/lib/postgresql/18/docker, and its volume at the folder above.
    (volume,) = service["volumes"]
    source, target = volume.split(":")
    assert target == "/var/lib/postgresql"
    assert source in COMPOSE["volumes"]
    assert service["command"][0] in OF_POSTGRES
    kind, *check = service["healthcheck"]["test"]
    assert (kind, check[0]) == ("CMD", "pg_isready")
    # While the image makes the database its server listens at a socket only: by TCP it is not ready too early.
    assert check[check.index("-h") + 1] == "127.0.0.1"
    assert check[check.index("-d") + 1] == service["environment"]["POSTGRES_DB"]


def test_who_waits_for_whom() -> None:
    for name in OURS:
        for other, terms in SERVICES[name]["depends_on"].items():
            if terms["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            else:
                assert (terms["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no")
    assert set(SERVICES["web"]["depends_on"]) == {*SERVERS, "migrate"}


def test_the_web_service_is_not_open_to_everybody() -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])
    assert [name for name in SERVERS if "ports" in SERVICES[name]] == []


def test_what_the_image_copies_exists_and_is_let_in() -> None:
    ignored, *let_in = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored == "*"
    for step in steps("COPY"):
        *sources, _ = shlex.split(step)
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in let_in, source


def test_the_image_runs_what_exists_as_nobody_in_particular() -> None:
    (user,) = steps("USER")
    assert user.isdigit()
    assert int(user) > 0
    # Nothing after it is run as root.
    assert [line for line in DOCKERFILE[DOCKERFILE.index(f"USER {user}") :] if line.startswith(("RUN", "COPY"))] == []
    (command,) = steps("CMD")
    assert_runs(json.loads(command))
    assert json.loads(command) == SERVICES["web"]["command"]
    for step in steps("RUN"):
        assert not re.search(r"PASSWORD|SECRET|_URL=", step)
