"""Django behind a real PgBouncer in transaction mode, with the settings that NULLSTORE_POOLER makes."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from nullstore.localdb.account import server_account
from nullstore.localdb.files import write_private
from tests.integration.deployment.gunicorns import ROOT
from tests.integration.replicas import wait_for
from tests.integration.runtime_roles import PASSWORD as WALKERS
from tests.integration.runtime_roles import ROLES, ensure
from tests.servers import PASSWORD, free_ports

REQUIRED = "NULLSTORE_PGBOUNCER_REQUIRED"
LIMITS = "SET statement_timeout = '10s'; SET lock_timeout = '5s'"
WALK = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test import Client
get_user_model().objects.using("erebus").filter(username="pooled").delete()
user = get_user_model()._default_manager.db_manager("erebus").create_superuser("pooled", password="x")
client = Client(HTTP_HOST="localhost"); client.force_login(user)
for _ in range(7):  # psycopg prepares a statement at its fifth execution
    for name in ("", "agents_app/task/", "agents_app/engram/", "erebus_app/userreference/", "replication/"):
        answer = client.get(f"/admin/{name}", follow=True)
        assert answer.status_code == 200, name
        for connection in connections.all(initialized_only=True): connection.close()
for alias in ("erebus", "agents"):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        print(alias, *cursor.fetchone())
from django.apps import apps
with transaction.atomic(using="erebus"):
    made = apps.get_model("erebus_app.UserReference").objects.using("erebus").create(
        source_identifier="through the pooler", network="email")
assert sum(1 for _ in apps.get_model("erebus_app.UserReference").objects.using("erebus").iterator()) == 1
user.delete()
"""
ALONE = """
import django; django.setup()
from django.db import connections
from nullstore.exceptions import VerificationUnderWay
from nullstore.replication.compare.runs import recorded
from nullstore.replication.compare.verification import verify
from nullstore.replication.connect import connect
from nullstore.replication.health import health
with recorded("ada", {}):
    try:
        verify(requested_by="ben")
    except VerificationUnderWay as error:
        print(error)
verify(requested_by="cleo")
print(health(0.5).verdict)
for alias in ("erebus", "agents"):
    with connect(alias) as own, connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('idle_session_timeout')")
        print(own.info.user, own.info.port, connections[alias].connection.info.port, *cursor.fetchone())
"""


def program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        if os.environ.get(REQUIRED):
            pytest.fail("There is no pgbouncer: apt-get install pgbouncer")
        pytest.skip("There is no pgbouncer.")
    return found


@pytest.fixture
def pooler(committed_pair: None) -> Iterator[int]:
    """The port of a PgBouncer in front of both databases."""
    executable = program()
    (port,) = free_ports(1)
    server = Path(tempfile.mkdtemp(prefix="nullstore-pgbouncer-"))
    server.chmod(0o755)  # as root it runs as another user, who has to get in
    account = server_account(server)
    os.chown(server, account.uid, account.gid)
    try:
        users = {"postgres": PASSWORD, **dict.fromkeys(ROLES.values(), WALKERS)}
        write_private(server / "users", "".join(f'"{name}" "{of}"\n' for name, of in users.items()), account)
        quoted = LIMITS.replace("'", "''")
        databases = "\n".join(
            f"{place['NAME']} = host=127.0.0.1 port={place['PORT']} dbname={place['NAME']} connect_query='{quoted}'"
            for alias in ("erebus", "agents")
            for place in [connections[alias].settings_dict]
        )
        write_private(
            server / "pgbouncer.ini",
            f"[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {server}/users\npool_mode = transaction\ndefault_pool_size = 3\n",
            account,
        )
        privileges = {} if os.geteuid() else {"user": account.uid, "group": account.gid, "extra_groups": []}
        with (server / "log").open("w") as log:
            process = subprocess.Popen(
                [executable, str(server / "pgbouncer.ini")], stderr=log, stdout=log, **privileges
            )
        try:
            wait_for(lambda: process.poll() is not None or "process up" in (server / "log").read_text())
            assert process.poll() is None, (server / "log").read_text()
            yield port
        finally:
            process.kill()
            process.wait(10)
    finally:
        shutil.rmtree(server)


def through(pooler: int, script: str, users: dict[str, str]) -> list[str]:
    """Run the script in a process like the web's: it knows where the servers are, and nothing of their owner."""
    urls = {}
    for alias, user in users.items():
        place = connections[alias].settings_dict
        urls[f"{alias.upper()}_DATABASE_URL"] = f"postgres://{user}@127.0.0.1:{pooler}/{place['NAME']}"
        urls[f"{alias.upper()}_OWNER_URL"] = f"postgres://127.0.0.1:{place['PORT']}/{place['NAME']}"
    more = {"NULLSTORE_POOLER": "transaction", "DJANGO_SETTINGS_MODULE": "nullstore.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, **urls, **more}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_the_console_works_through_a_pooler(pooler: int) -> None:
    said = through(pooler, WALK, dict.fromkeys(ROLES, f"postgres:{PASSWORD}"))
    assert said == ["erebus 10s 5s", "agents 10s 5s"]


def test_locks_and_looks_go_past_the_pooler_as_the_runtime_role(pooler: int) -> None:
    for alias in ROLES:
        ensure(alias)
    refused, verdict, *ends = through(pooler, ALONE, {alias: f"{role}:{WALKERS}" for alias, role in ROLES.items()})
    assert "Another verification is under way: run" in refused
    assert "by ada" in refused
    assert verdict == "ok"
    for alias, line in zip(ROLES, ends, strict=True):
        assert line == f"{ROLES[alias]} {connections[alias].settings_dict['PORT']} {pooler} 10s 0"
