"""The master keys of FIELD_ENCRYPTION_KEYS, and generate_key, which makes them."""

import base64
import re

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from nullstore import encryption
from nullstore.encryption import Cell, decrypt, encrypt, fingerprint, key_id_of, master_keys
from nullstore.exceptions import InvalidSetting
from tests.unit.silence import assert_keeps_silent

K1 = "k1:KCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkc="
K2 = "k2:WltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHk="
MATERIAL = K1.partition(":")[2]
SECRET = "sk-proj-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2oXi"
CELL = Cell("agent_api_keys", "secret", "6f1d9a52-7f0a-4a35-9a25-0c7f3f5f8f11")


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> Settings:
    settings.FIELD_ENCRYPTION_KEYS = K1
    return settings


class TestKeys:
    def test_first_writes_and_all_read(self, keys: Settings) -> None:
        old = encrypt(SECRET, CELL)
        keys.FIELD_ENCRYPTION_KEYS = f" {K2},\n{K1} "
        assert list(master_keys()) == ["k2", "k1"]
        assert key_id_of(encrypt(SECRET, CELL)) == "k2"
        assert decrypt(old, CELL) == SECRET

    def test_secret_key_and_the_packages_settings_do_not_matter(self, keys: Settings) -> None:
        stored, printed = encrypt(SECRET, CELL), fingerprint(SECRET)
        keys.SECRET_KEY = "another"
        keys.CRYPTOGRAPHY_KEY = b"another"
        assert (decrypt(stored, CELL), fingerprint(SECRET)) == (SECRET, printed)

    def test_padding_of_the_key_may_be_left_out(self, keys: Settings) -> None:
        stored = encrypt(SECRET, CELL)
        keys.FIELD_ENCRYPTION_KEYS = K1.rstrip("=")
        assert decrypt(stored, CELL) == SECRET

    @pytest.mark.parametrize(
        ("setting", "says"),
        [
            ("", "is empty"),
            ("  ", "is empty"),
            (MATERIAL, "number 1: not of the form"),
            (f"{K1},", "number 2: not of the form"),
            (f"{K1},{MATERIAL}", "number 2: not of the form"),
            (f":{MATERIAL}", "number 1: not of the form"),
            (f"{MATERIAL}:k1", "number 1: not of the form"),
            (f"k 1:{MATERIAL}", "number 1: not of the form"),
            (f"{'k' * 33}:{MATERIAL}", "number 1: not of the form"),
            (f"kä:{MATERIAL}", "number 1: not of the form"),
            (f"{K2},k1:{MATERIAL[:-2]}", r"'k1' \(number 2\).*32 bytes"),
            (f"k1:{MATERIAL}A", r"'k1' \(number 1\).*32 bytes"),
            (f"k1:{MATERIAL[:42]}B=", r"'k1' \(number 1\).*32 bytes"),
            (f"k1:{'+' + MATERIAL[1:]}", r"'k1' \(number 1\).*32 bytes"),
            (f"k1:{MATERIAL[:20]} {MATERIAL[20:]}", r"'k1' \(number 1\).*32 bytes"),
            (f"{K1},k1:lpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq-wsbKztLU=", "two keys of the id 'k1'"),
            (f"{K1},k9:{MATERIAL}", "one key under two ids, 'k1' and 'k9'"),
        ],
    )
    def test_unusable_settings_are_refused_without_showing_them(self, keys: Settings, setting: str, says: str) -> None:
        keys.FIELD_ENCRYPTION_KEYS = setting
        with pytest.raises(InvalidSetting, match=f"^FIELD_ENCRYPTION_KEYS.*{says}") as caught:
            master_keys()
        assert_keeps_silent(caught.value, MATERIAL[:10], MATERIAL[-10:])

    def test_keys_do_not_show_themselves(self) -> None:
        material = base64.urlsafe_b64decode(MATERIAL)
        shown = f"{dict(master_keys())!r} {encryption.writing_key()!r}"
        assert "k1" in shown
        assert MATERIAL not in shown
        assert repr(material)[2:-1] not in shown

    def test_fingerprint_is_keyed_and_tells_texts_apart(self, keys: Settings) -> None:
        printed = fingerprint(SECRET)
        assert re.fullmatch("[0-9a-f]{16}", printed)
        assert fingerprint(SECRET) == printed != fingerprint(SECRET + "x")
        keys.FIELD_ENCRYPTION_KEYS = f"{K2},{K1}"
        assert fingerprint(SECRET) != printed


class TestGenerateKey:
    def test_printed_key_is_usable_and_new_each_time(self, keys: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("generate_key")
        call_command("generate_key", id="ops.2-b_1")
        first, second = capsys.readouterr().out.split()
        assert re.fullmatch(r"k20\d{6}:.*", first)
        keys.FIELD_ENCRYPTION_KEYS = f"{first},{second}"
        assert list(master_keys()) == [first.partition(":")[0], "ops.2-b_1"]

    def test_works_where_the_setting_is_unusable(self, keys: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        keys.FIELD_ENCRYPTION_KEYS = ""
        call_command("generate_key", id="k1")
        assert capsys.readouterr().out.startswith("k1:")

    @pytest.mark.parametrize(
        ("key_id", "says"), [("k1", "has a key 'k1' already"), ("", "--id: "), ("a b", "--id: "), ("k" * 33, "--id: ")]
    )
    def test_unusable_ids_are_refused(self, key_id: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(CommandError, match=says) as caught:
            call_command("generate_key", id=key_id)
        assert caught.value.returncode == 2
        assert capsys.readouterr().out == ""
