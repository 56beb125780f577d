import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from environ import Env

from nullstore import defaults, settings
from nullstore.checks import check_secrets
from nullstore.encryption import master_keys
from nullstore.envfile import write_env

CHECKOUT = Path(settings.__file__).resolve().parents[1]
EXAMPLE = CHECKOUT / ".env.example"


def read(path, monkeypatch):
    monkeypatch.setattr(Env, "ENVIRON", {})
    Env.read_env(path)
    return dict(Env.ENVIRON)


def init_env(path, **environment):
    return subprocess.run(
        [sys.executable, CHECKOUT / "manage.py", "init_env"],
        env={"PATH": os.environ["PATH"], "NULLSTORE_ENV_FILE": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_file_is_private_and_complete(tmp_path, monkeypatch):
    previous = os.umask(0)
    try:
        assert write_env(tmp_path / ".env", {}) == []
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    values = read(tmp_path / ".env", monkeypatch)
    assert values["DEBUG"] == "on"
    assert values["NULLSTORE_ENVIRONMENT"] == "development"
    assert values["EREBUS_OWNER_URL"] == "postgres://postgres:postgres_secure_pass@127.0.0.1:5440/erebus"
    assert values["AGENTS_OWNER_URL"] == "postgres://postgres:postgres_secure_pass@127.0.0.1:5441/agents"
    assert re.fullmatch(r"postgres://erebus_web:[\w-]{32}@127\.0\.0\.1:5440/erebus", values["EREBUS_DATABASE_URL"])
    assert re.fullmatch(r"postgres://agents_web:[\w-]{32}@127\.0\.0\.1:5441/agents", values["AGENTS_DATABASE_URL"])
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_the_secrets_of_two_files_differ_and_are_not_the_published_ones(tmp_path, monkeypatch, settings):
    write_env(tmp_path / "a", {})
    write_env(tmp_path / "b", {})
    first, second = read(tmp_path / "a", monkeypatch), read(tmp_path / "b", monkeypatch)
    for name in ("SECRET_KEY", "REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"):
        assert len({first[name], second[name], getattr(defaults, name)}) == 3, name
    settings.FIELD_ENCRYPTION_KEYS = first["FIELD_ENCRYPTION_KEYS"]
    assert len(master_keys()) == 1


@pytest.mark.parametrize("content", ["SECRET_KEY=mine\n", ""])
def test_a_file_that_is_there_stays_as_it_is(tmp_path, content):
    path = tmp_path / ".env"
    path.write_text(content)
    path.chmod(0o640)
    done = init_env(path)
    assert done.returncode == 0
    assert "stays as it is" in done.stdout
    assert path.read_text() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_dangling_link_is_not_written_through(tmp_path):
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    assert write_env(tmp_path / ".env", {}) is None
    assert not (tmp_path / "elsewhere").exists()


def test_secrets_of_the_environment_are_not_copied_to_the_disk(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    done = init_env(path, AGENTS_DATABASE_URL="postgres://ops:hidden-one@db:5432/agents", SECRET_KEY="hidden-two")
    assert done.returncode == 0, done.stderr
    assert "hidden" not in path.read_text() + done.stdout + done.stderr
    assert "AGENTS_DATABASE_URL is set in the environment" in done.stdout
    values = read(path, monkeypatch)
    assert "SECRET_KEY" not in values
    assert "AGENTS_DATABASE_URL" not in values
    assert "# AGENTS_DATABASE_URL was set in the environment" in path.read_text()
    assert "EREBUS_DATABASE_URL" in values


def test_the_command_works_where_nothing_is_set_and_prints_no_secret(tmp_path, monkeypatch):
    done = init_env(tmp_path / ".env")
    assert done.returncode == 0, done.stderr
    values = read(tmp_path / ".env", monkeypatch)
    for name in ("SECRET_KEY", "REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"):
        assert values[name] not in done.stdout + done.stderr


def test_a_folder_that_is_missing_is_a_clear_error(tmp_path):
    done = init_env(tmp_path / "missing" / ".env")
    assert done.returncode == 2
    assert "missing/.env could not be written: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_many_writers_at_once_one_wins_whole(tmp_path):
    path = tmp_path / ".env"
    code = "import sys, pathlib, nullstore.envfile as e; print(e.write_env(pathlib.Path(sys.argv[1]), {}))"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, path], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    said = [run.communicate()[0].strip() for run in runs]
    assert sorted(said) == ["None"] * 5 + ["[]"]
    assert path.read_text().count("SECRET_KEY=") == 1
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_the_example_names_every_variable_of_the_settings():
    source = (CHECKOUT / "nullstore" / "settings.py").read_text()
    used = set(re.findall(r'(?:env\.\w+|environ\.get|_database)\(\s*"([A-Z_]+)"', source))
    assert "EREBUS_DATABASE_URL" in used
    assert "NULLSTORE_ENV_FILE" in used
    assert {name for name in used if not re.search(rf"^#? ?{name}\b", EXAMPLE.read_text(), re.MULTILINE)} == set()


def test_the_secrets_of_the_example_are_refused_outside_debug(monkeypatch, settings):
    values = read(EXAMPLE, monkeypatch)
    for name in ("SECRET_KEY", "REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"):
        assert values[name] == getattr(defaults, name)
        setattr(settings, name, values[name])
    settings.DEBUG = False
    refused = " ".join(error.msg for error in check_secrets())
    for name in ("SECRET_KEY", "REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"):
        assert name in refused
    assert values["EREBUS_DATABASE_URL"] == defaults.EREBUS_DATABASE_URL
    assert values["AGENTS_DATABASE_URL"] == defaults.AGENTS_DATABASE_URL
