"""Secrets in the database, and rotate_keys while nobody else writes."""

import json
import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from erebus_app.models import AgentApiKey
from erebus_app.services import secrets
from erebus_app.services.secrets import KeyId, count_by_key_id, rotate
from nullstore.encryption import key_id_of
from nullstore.exceptions import DecryptionError
from tests.integration.keyring import K1, K2, add_rows, all_under, secret_of, stored

pytestmark = pytest.mark.django_db(databases=["erebus"])


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> Settings:
    settings.FIELD_ENCRYPTION_KEYS = K1
    return settings


@pytest.fixture
def names(keys: Settings) -> list[str]:
    """Agents with 25 rows under k1 and 5 under k2, k2 now being the first key."""
    rows = add_rows(25)
    keys.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"
    return [row.agent_name for row in [*rows, *add_rows(5, "new")]]


class TestStorage:
    def test_secret_survives_the_database_which_holds_no_trace_of_it(self) -> None:
        add_rows(1)
        assert stored() == all_under("k1", ["agent-0"])
        with connections["erebus"].cursor() as cursor:
            cursor.execute("SELECT t::text, encode(secret, 'escape') FROM agent_api_keys t")
            [(row, column)] = cursor.fetchall()
        assert secret_of("agent-0")[8:30] not in row + column
        assert "sk-proj" in row

    def test_ciphertext_moved_with_sql_is_not_revealed(self) -> None:
        thief, owner = add_rows(2)
        with connections["erebus"].cursor() as cursor:
            cursor.execute(
                "UPDATE agent_api_keys SET secret = (SELECT secret FROM agent_api_keys WHERE id = %s) WHERE id = %s",
                [owner.pk, thief.pk],
            )
        thief.refresh_from_db()
        with pytest.raises(DecryptionError, match=f"agent_api_keys, row {thief.pk}.*'k1'.*moved here"):
            thief.reveal()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x01",
            b"\x01\x00",
            b"\x01\x02",
            b"\x01\x02k1",
            b"\x01\x02k1\x80",
            b"\x00\x02k1\x80",
            b"\x01\x00k1\x80",
            b"\x01\xffk1\x80",
            b"\x01\x20" + b"k" * 32 + b"\x80",
            b"\x01\x21" + b"k" * 33 + b"\x80",
            b"\x01\x03k\n1\x80",
            b"\x01\x03k1\n\x80",
            b"\x01\x02k\x00\x80",
            b"\x01\x02k\\\x80",
            b"\x01\x02\xc3\xa4\x80",
            b"\x01\x04a.-_\x80",
            b"plain text",
        ],
        ids=repr,
    )
    def test_sql_and_python_agree_on_the_key_id(self, content: bytes) -> None:
        AgentApiKey.objects.create(agent_name="a", provider="groq", secret=content)
        assert AgentApiKey.objects.values_list(KeyId("secret"), flat=True).get() == (key_id_of(content) or "")


class TestRotation:
    def test_every_row_comes_under_the_first_key(self, names: list[str], keys: Settings) -> None:
        before = {row.pk: (row.key_prefix, row.key_suffix) for row in AgentApiKey.objects.all()}
        report = rotate(batch_size=10)
        assert (report.before, report.after) == ({"k1": 25, "k2": 5}, {"k2": 30})
        assert (report.rotated, report.unused, report.missing, report.exit_code) == (25, ["k1"], [], 0)
        keys.FIELD_ENCRYPTION_KEYS = K2
        assert stored() == all_under("k2", names)
        for row in AgentApiKey.objects.all():
            assert (row.key_prefix, row.key_suffix) == before[row.pk]
            fresh = AgentApiKey(pk=row.pk)
            fresh.set_secret(row.reveal())
            assert row.key_fingerprint == fresh.key_fingerprint

    @pytest.mark.parametrize("batch_size", [1, 24, 25, 26, 1000])
    def test_batches_of_any_size_reach_every_row(self, names: list[str], batch_size: int) -> None:
        steps: list[tuple[int, int]] = []
        assert rotate(batch_size=batch_size, progress=lambda *step: steps.append(step)).rotated == 25
        assert stored() == all_under("k2", names)
        assert steps[-1] == (25, 25)
        assert len(steps) == -(-25 // batch_size)

    def test_a_second_run_changes_nothing(self, names: list[str]) -> None:
        rotate()
        content = dict(AgentApiKey.objects.values_list("pk", "secret"))
        report = rotate()
        assert (report.rotated, report.exit_code, report.unused) == (0, 0, ["k1"])
        assert dict(AgentApiKey.objects.values_list("pk", "secret")) == content

    def test_an_interrupted_run_is_gone_on_with(self, names: list[str]) -> None:
        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rotate(batch_size=10, progress=interrupt)
        assert count_by_key_id() == {"k1": 15, "k2": 15}
        assert {name: secret for name, (_, secret) in stored().items()} == {name: secret_of(name) for name in names}
        assert rotate().rotated == 15
        assert stored() == all_under("k2", names)

    def test_dry_run_writes_nothing(self, names: list[str]) -> None:
        content = dict(AgentApiKey.objects.values_list("pk", "secret"))
        report = rotate(dry_run=True)
        assert (report.rotated, report.to_do, report.unused, report.exit_code) == (0, 25, [], 1)
        assert dict(AgentApiKey.objects.values_list("pk", "secret")) == content

    def test_empty_table_is_done(self) -> None:
        report = rotate()
        assert (report.after, report.rotated, report.unused, report.exit_code) == ({}, 0, [], 0)

    def test_statements_are_not_collected(self, names: list[str], keys: Settings) -> None:
        keys.DEBUG = True
        rotate(batch_size=1)
        assert len(connections["erebus"].queries) < 5

    def test_no_secret_is_logged(self, names: list[str], caplog: pytest.LogCaptureFixture, keys: Settings) -> None:
        keys.DEBUG = True
        with caplog.at_level(logging.DEBUG, logger="django.db.backends"):
            rotate()
        assert "UPDATE" in caplog.text
        assert secret_of("")[8:20] not in caplog.text


class TestUnreadable:
    @pytest.fixture
    def broken(self, names: list[str]) -> dict[str, AgentApiKey]:
        """Three of the rows under k1, broken in different ways."""
        rows = AgentApiKey.objects.filter(agent_name__startswith="agent-").order_by("pk")
        foreign, damaged, orphan = rows[0], rows[12], rows[24]
        foreign.secret = b"plain text"
        damaged.secret = damaged.secret[:-1] + bytes([damaged.secret[-1] ^ 1])
        orphan.secret = orphan.secret.replace(b"k1", b"k0", 1)
        for row in (foreign, damaged, orphan):
            row.save()
        return {"foreign": foreign, "damaged": damaged, "orphan": orphan}

    def test_others_are_rotated_and_the_broken_named_and_kept(self, broken: dict[str, AgentApiKey]) -> None:
        report = rotate(batch_size=10)
        assert (report.rotated, report.exit_code) == (22, 2)
        assert report.after == {"": 1, "k0": 1, "k1": 1, "k2": 27}
        assert (report.missing, report.unused) == (["k0"], [])
        assert {(row.id, row.key_id) for row in report.unreadable.named} == {
            (str(broken["foreign"].pk), None),
            (str(broken["damaged"].pk), "k1"),
            (str(broken["orphan"].pk), "k0"),
        }
        for row in broken.values():
            assert AgentApiKey.objects.get(pk=row.pk).secret == row.secret

    def test_dry_run_finds_them_too(self, broken: dict[str, AgentApiKey]) -> None:
        report = rotate(dry_run=True)
        assert (report.unreadable.count, report.rotated, report.exit_code) == (3, 0, 2)

    def test_the_report_stays_small(
        self, broken: dict[str, AgentApiKey], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(secrets, "NAMED_ROWS", 1)
        with pytest.raises(CommandError):
            call_command("rotate_keys")
        assert "left as they are: 3" in (out := capsys.readouterr().out)
        assert "and 2 more" in out


class TestCommand:
    def test_says_what_it_did_and_which_key_may_go(self, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        call_command("rotate_keys", batch_size=7)
        out, err = capsys.readouterr()
        assert "First key: k2" in out
        assert ["k1", "25", "0"] in [line.split() for line in out.splitlines()]
        assert "25 rows re-encrypted" in out
        assert "No row uses k1" in out
        assert err == ""

    def test_dry_run_ends_with_1_and_what_to_run(self, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(CommandError, match=r"25 rows are not.*Run manage\.py rotate_keys") as caught:
            call_command("rotate_keys", dry_run=True)
        assert caught.value.returncode == 1
        out = capsys.readouterr().out
        assert "nothing was written" in out
        assert "No row uses" not in out

    def test_unreadable_rows_end_with_2_and_are_listed(
        self, names: list[str], keys: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        keys.FIELD_ENCRYPTION_KEYS = K2
        with pytest.raises(CommandError, match="25 rows cannot be decrypted") as caught:
            call_command("rotate_keys")
        assert caught.value.returncode == 2
        out = capsys.readouterr().out
        assert "FIELD_ENCRYPTION_KEYS has no key k1, which rows use" in out
        for pk in AgentApiKey.objects.filter(agent_name__startswith="agent-").values_list("pk", flat=True):
            assert str(pk) in out

    def test_json_is_one_object_on_stdout(self, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        call_command("rotate_keys", json=True)
        report = json.loads(capsys.readouterr().out)
        assert report["after"] == {"k2": 30}
        assert (report["rotated"], report["to_do"], report["unused"], report["missing"]) == (25, 0, ["k1"], [])
        assert report["unreadable"] == {"count": 0, "named": []}

    @pytest.mark.parametrize("size", ["0", "-1", "x"])
    def test_impossible_batch_sizes_are_refused(self, size: str) -> None:
        with pytest.raises(CommandError, match="--batch-size: not a number of rows"):
            call_command("rotate_keys", "--batch-size", size)

    def test_unusable_keys_are_named_without_a_traceback(self, keys: Settings) -> None:
        keys.FIELD_ENCRYPTION_KEYS = "k1:short"
        with pytest.raises(CommandError, match="FIELD_ENCRYPTION_KEYS, key 'k1'"):
            call_command("rotate_keys")
