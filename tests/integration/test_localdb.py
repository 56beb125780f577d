import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from nullstore.exceptions import LocalServerError
from nullstore.localdb import pair as local_pair
from tests.integration.localdb_home import PASSWORD, QUICK, a_home, a_server
from tests.servers import free_ports

ALIASES = ("erebus", "agents")


@pytest.fixture(scope="module")
def standing():
    with a_home() as home:
        home.run("start")
        yield home


@pytest.fixture
def home():
    with a_home() as home:
        yield home


@pytest.fixture
def server():
    with a_server() as server:
        yield server


def pids(home):
    servers = json.loads(home.run("status", "--json").stdout)["servers"]
    assert len(servers) == len(ALIASES)
    return {server["aliases"][0]: server["pid"] for server in servers}


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("wal_level", "logical"),
        ("password_encryption", "scram-sha-256"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("max_slot_wal_keep_size", "4GB"),
        ("wal_retrieve_retry_interval", "500ms"),
        ("max_logical_replication_workers", "16"),
    ],
)
def test_the_servers_are_set_up_for_replication_on_this_machine_only(standing, alias, setting, value):
    with standing.connect(alias) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (alias,)
        assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("password", ["wrong", ""])
def test_nobody_gets_in_without_the_password(standing, alias, password):
    with pytest.raises(psycopg.OperationalError, match="password"):
        standing.connect(alias, password=password, passfile=os.devnull)
    with standing.connect(alias) as connection:
        rules = {method for (method,) in connection.execute("SELECT auth_method FROM pg_hba_file_rules")}
    assert rules == {"scram-sha-256"}


def test_start_again_changes_nothing(standing):
    before = pids(standing)
    assert None not in before.values()
    said = standing.run("start").stdout
    assert said.count("running already") == 2
    assert pids(standing) == before


def test_the_servers_are_out_of_the_reach_of_the_terminal(standing):
    for pid in pids(standing).values():
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) == pid
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_the_data_and_its_folders_are_private(standing):
    for alias in ALIASES:
        for folder in (standing.data(alias), standing.data(alias).parent, standing.data(alias).parent / "log"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert folder.stat().st_uid != 0


def test_no_password_is_left_in_a_file_of_the_servers(standing):
    for path in standing.directory.glob("servers/*/**/*"):
        if path.is_file() and path.stat().st_size < 1_000_000:
            assert PASSWORD.encode() not in path.read_bytes(), path
    assert list(standing.directory.glob("servers/*/unfinished-*")) == []


def test_status_for_people_and_for_programs(standing):
    table = standing.run("status").stdout
    servers = json.loads(standing.run("status", "--json").stdout)["servers"]
    for alias, server in zip(ALIASES, servers, strict=True):
        with standing.connect(alias) as connection:
            [(version,)] = connection.execute("SHOW server_version_num").fetchall()
            [(directory,)] = connection.execute("SHOW data_directory").fetchall()
        assert server["running"] is True
        assert (server["host"], server["port"]) == ("127.0.0.1", standing.ports[alias])
        assert server["version"] == str(int(version) // 10000)
        assert server["data_directory"] == directory
        assert server["size_bytes"] > 10_000_000
        assert f"127.0.0.1:{standing.ports[alias]}" in table
        assert str(server["pid"]) in table


@pytest.mark.parametrize(
    "psql",
    [
        "psql -p {agents} -d agents -Atc 'SELECT current_database()'",
        "psql -h localhost -p {agents} -U postgres -d agents -Atc 'SELECT current_database()'",
        "psql -h 127.0.0.1 -p {erebus} -d erebus -Atc 'SELECT current_database()'",
        "pg_dump -p {agents} -d agents --schema-only | grep -o 'PostgreSQL database dump$' | sed 's/.*/agents/'",
    ],
)
def test_the_handbooks_commands_work_after_env(standing, psql):
    command = " ".join(str(word) for word in standing.command("env"))
    done = subprocess.run(
        ["/bin/bash", "-ec", f'eval "$({command})"\n{psql.format(**standing.ports)}'],
        env={**standing.environment, "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() in ALIASES, done.stderr


def test_env_shows_no_password_and_its_file_is_private(standing):
    lines = standing.run("env").stdout.splitlines()
    assert [line.split("=")[0] for line in lines] == [
        "export PATH",
        "export PGHOST",
        "export PGUSER",
        "export PGPASSFILE",
    ]
    assert stat.S_IMODE((standing.directory / "passfile").stat().st_mode) == 0o600


def test_rows_outlive_stop_and_start(home):
    assert home.run("start").stdout.count("made and started") == 2
    with home.connect("agents") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert home.run("stop").stdout.count("Stopped the server") == 2
    assert "stopped" in home.run("status", code=1).stdout
    assert "No server was running" in home.run("stop").stdout
    with pytest.raises(psycopg.OperationalError, match="refused"):
        home.connect("agents")
    home.run("start")
    with home.connect("agents") as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_reset_asks_first_and_deletes_only_its_own(home):
    home.set_url("agents", home.ports["erebus"])
    home.run("start")
    (home.directory / "notes.txt").write_text("mine")
    shown = home.run("reset", "--dry-run").stdout
    assert f"Would delete: {home.directory}/servers/erebus-agents" in shown
    assert "--no-input" in home.run("reset", code=2).stderr
    assert "running" in home.run("status").stdout
    home.run("reset", "--no-input")
    assert [entry.name for entry in home.directory.iterdir()] == ["notes.txt"]
    assert "not made yet" in home.run("status", code=1).stdout
    (home.directory / "notes.txt").unlink()


def test_a_folder_that_is_not_localdbs_is_neither_used_nor_deleted(home):
    home.directory.mkdir()
    (home.directory / "thesis.txt").write_text("mine")
    assert str(home.directory) in home.run("start", code=2).stderr
    assert "nothing in it will be deleted" in home.run("reset", "--no-input", code=2).stderr
    assert [entry.name for entry in home.directory.iterdir()] == ["thesis.txt"]
    (home.directory / "thesis.txt").unlink()


def test_nothing_runs_and_nothing_is_made_before_the_first_start(home):
    assert home.run("status", code=1).stdout.count("not made yet") == 2
    assert "No server was running" in home.run("stop").stdout
    assert "no server to delete" in home.run("reset", "--no-input").stdout
    assert not home.directory.exists()


def test_one_port_in_both_urls_is_one_server_with_two_databases(home):
    home.set_url("agents", home.ports["erebus"])
    home.run("start")
    [server] = json.loads(home.run("status", "--json").stdout)["servers"]
    assert server["aliases"] == ["erebus", "agents"]
    for name in ALIASES:
        with home.connect("erebus", dbname=name) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == (name,)


def test_two_starts_at_once_make_one_pair(home):
    runs = [
        subprocess.Popen(
            home.command("start"), env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sorted(output.count("made and started") for output, _ in said) == [0, 2]


def test_a_new_port_in_the_url_moves_the_server(server):
    server, programs = server
    assert server.start(programs) == "made and started"
    moved = replace(server, port=free_ports(1)[0])
    assert moved.start(programs) == "restarted"
    with moved.connect("erebus") as connection:
        assert connection.execute("SHOW port").fetchone() == (str(moved.port),)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        server.connect()


def test_a_database_that_is_missing_is_made(server):
    server, programs = server
    server.start(programs)
    more = replace(server, databases=("erebus", 'odd "name"'))
    assert more.start(programs) == "running already"
    more.connect('odd "name"').close()


def test_settings_of_the_caller_win(server):
    server, programs = server
    server.start(programs)
    with server.connect() as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    changed = replace(server, extra_settings={**QUICK, "work_mem": "7MB", "wal_level": "replica"})
    assert changed.start(programs) == "restarted"
    with changed.connect() as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert connection.execute("SHOW wal_level").fetchone() == ("replica",)


def test_what_a_person_writes_below_the_include_wins_and_stays(server):
    server, programs = server
    server.start(programs)
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("max_wal_senders = 33\n")
    assert server.start(programs) == "started"
    with server.connect() as connection:
        assert connection.execute("SHOW max_wal_senders").fetchone() == ("33",)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"HOST": "db.example.invalid"}, "db.example.invalid in AGENTS_DATABASE_URL is not a loopback address"),
        ({"HOST": "192.0.2.1"}, "192.0.2.1 in AGENTS_DATABASE_URL is not a loopback address"),
        ({"USER": ""}, "AGENTS_DATABASE_URL must name a user and a password"),
        ({"PASSWORD": ""}, "AGENTS_DATABASE_URL must name a user and a password"),
        ({"PORT": 1, "USER": "other"}, "EREBUS_DATABASE_URL and AGENTS_DATABASE_URL name the same port 1"),
        ({"PORT": 1, "NAME": "erebus"}, "name the same database"),
    ],
)
def test_urls_that_localdb_cannot_serve_are_refused_by_name(monkeypatch, changed, reason):
    for number, alias in enumerate(ALIASES, start=1):
        here = {"HOST": "127.0.0.1", "PORT": number, "USER": "ops", "PASSWORD": PASSWORD, "NAME": alias}
        monkeypatch.setattr(connections[alias], "settings_dict", here)
    assert len(local_pair.servers()) == 2
    monkeypatch.setattr(connections["agents"], "settings_dict", {**here, **changed})
    with pytest.raises(LocalServerError, match=reason):
        local_pair.servers()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_other_loopback_hosts_work(host):
    with a_server(host=host) as (server, programs):
        server.start(programs)
        with server.connect("erebus") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
