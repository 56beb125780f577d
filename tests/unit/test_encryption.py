"""Encryption of single values: format, binding to the cell, and what errors say and do not say."""

from dataclasses import replace

import pytest
from pytest_django import Settings

from nullstore.encryption import Cell, decrypt, encrypt, generate_key, key_id_of
from nullstore.exceptions import DecryptionError
from tests.unit.silence import assert_keeps_silent

K1 = "k1:KCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkc="
K2 = "k2:WltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHk="
SECRET = "sk-proj-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2oXi"
CELL = Cell("agent_api_keys", "secret", "6f1d9a52-7f0a-4a35-9a25-0c7f3f5f8f11")

#: SECRET in CELL under K1, as it was stored once: it has to be readable for ever.
STORED_ONCE = bytes.fromhex(
    "01026b3180000000006b03e4f413306385245178a943da6750583132fa5c2a13540b1c4e77a1211c4974395cb4b9b1add389"
    "b41792412de1ed39c67b1d6494c90643bb63a7a685ad723bf9931bbbe9f5cda579e725a5cb236ef1b156fb0d174f1e8ca37f"
    "9f7a39c7b758c9a923"
)


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> Settings:
    settings.FIELD_ENCRYPTION_KEYS = K1
    return settings


class TestRoundTrip:
    @pytest.mark.parametrize(
        "text",
        [SECRET, "x", "", "ключ-🔑-鍵-e\u0301", "\x00\n\x80", "a" * 15, "a" * 16, "a" * 17, "ß" * 200_000],
        ids=["key", "one", "empty", "unicode", "control", "block-1", "block", "block+1", "long"],
    )
    def test_text_comes_back(self, text: str) -> None:
        assert decrypt(encrypt(text, CELL), CELL) == text

    def test_what_was_stored_once_stays_readable(self) -> None:
        assert decrypt(STORED_ONCE, CELL) == SECRET

    def test_memoryview_of_the_driver_is_read(self) -> None:
        assert decrypt(memoryview(encrypt(SECRET, CELL)), CELL) == SECRET

    def test_stored_bytes_begin_with_format_and_key_id_and_hide_the_text(self) -> None:
        stored = encrypt(SECRET, CELL)
        assert stored.startswith(b"\x01\x02k1\x80")
        assert key_id_of(stored) == "k1"
        assert SECRET[:5].encode() not in stored

    def test_equal_texts_are_stored_differently(self) -> None:
        assert encrypt(SECRET, CELL) != encrypt(SECRET, CELL)

    def test_text_that_is_no_unicode_is_refused_without_showing_it(self) -> None:
        with pytest.raises(ValueError, match="not valid Unicode") as caught:
            encrypt(SECRET + "\ud800", CELL)
        assert_keeps_silent(caught.value, SECRET)


class TestBinding:
    @pytest.mark.parametrize(
        "elsewhere",
        [
            replace(CELL, table="agent_api_keys_old"),
            replace(CELL, column="key_name"),
            replace(CELL, row="6f1d9a52-7f0a-4a35-9a25-0c7f3f5f8f12"),
            # The same letters, with the boundaries between the parts elsewhere.
            replace(CELL, table=CELL.table + "s", column="ecret"),
            replace(CELL, column="secret6", row=CELL.row[1:]),
            replace(CELL, table=CELL.column, column=CELL.table),
        ],
        ids=["table", "column", "row", "table/column", "column/row", "swapped"],
    )
    def test_moved_ciphertext_does_not_decrypt(self, elsewhere: Cell) -> None:
        stored = encrypt(SECRET, CELL)
        with pytest.raises(DecryptionError, match=rf"row {elsewhere.row}.*'k1'.*damaged, was moved") as caught:
            decrypt(stored, elsewhere)
        assert_keeps_silent(caught.value, SECRET, repr(stored)[10:40])

    def test_every_flipped_bit_is_noticed(self) -> None:
        stored = encrypt(SECRET, CELL)
        for bit in range(len(stored) * 8):
            changed = bytearray(stored)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(DecryptionError) as caught:
                decrypt(bytes(changed), CELL)
            assert_keeps_silent(caught.value, SECRET)

    def test_every_truncation_and_an_appended_byte_are_noticed(self) -> None:
        stored = encrypt(SECRET, CELL)
        for damaged in [*(stored[:length] for length in range(len(stored))), stored + b"\0"]:
            with pytest.raises(DecryptionError) as caught:
                decrypt(damaged, CELL)
            assert_keeps_silent(caught.value, SECRET)

    @pytest.mark.parametrize(
        ("stored", "what"),
        [
            (None, "NULL"),
            (b"", "empty"),
            (b"\x00\x02k1" + b"x" * 80, "not in the format"),
            (b"\x02\x02k1" + b"x" * 80, "not in the format"),
            (b"\x80" + b"x" * 80, "not in the format"),
            (b"\x01\x00" + b"x" * 80, "not in the format"),
            (b"\x01\x02k/" + b"x" * 80, "not in the format"),
            (b"\x01\x02\xe9\xff" + b"x" * 80, "not in the format"),
            (SECRET.encode(), "not in the format"),
        ],
    )
    def test_what_is_no_ciphertext_of_ours_is_refused_and_not_shown(self, stored: bytes | None, what: str) -> None:
        with pytest.raises(DecryptionError, match=f"{CELL.row}.*{what}.*no key id") as caught:
            decrypt(stored, CELL)
        assert_keeps_silent(caught.value, SECRET, "xxx")

    def test_unknown_key_id_is_named(self, keys: Settings) -> None:
        stored = encrypt(SECRET, CELL)
        keys.FIELD_ENCRYPTION_KEYS = K2
        with pytest.raises(DecryptionError, match=f"{CELL.row}.*'k1'.*FIELD_ENCRYPTION_KEYS has no such key id"):
            decrypt(stored, CELL)

    def test_another_key_of_the_same_id_does_not_decrypt(self, keys: Settings) -> None:
        stored = encrypt(SECRET, CELL)
        keys.FIELD_ENCRYPTION_KEYS = generate_key("k1")
        with pytest.raises(DecryptionError, match="another key of that id"):
            decrypt(stored, CELL)
