"""What ops_actions keeps of old and new values: no secrets, as far as one sees, and what is no secret as it is."""

from typing import Any

import pytest

from agents_app.admin.keeping import KEPT, changed_keys, kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:hidden@host/x", "https://***@host/x"),
        ("postgres://hidden@host", "postgres://***@host"),
        ("https://user:hid@den@host/x", "https://***@host/x"),
        ("https://user:hid/den@host/x", "https://***@host/x"),
        ("see redis://:hidden@a and https://b:hidden@c", "see redis://***@a and https://***@c"),
        ("https://host/x?api_key=hidden&page=2", "https://host/x?api_key=***&page=2"),
        ("https://host/x?key=hidden", "https://host/x?key=***"),
        ("https://host/x?X-Amz-Signature=hidden#there", "https://host/x?X-Amz-Signature=***"),
        ("Authorization: Bearer hidden", "Authorization: ***"),
        ('{"accessToken": "hidden"}', '{"accessToken": ***}'),
        ('password="hidden horse hidden", of ada', "password=***, of ada"),
        ("password='hidden \"horse\" hidden' of ada", "password=*** of ada"),
        ('{"secret": "hidden \\" hidden", "a": 1}', '{"secret": ***, "a": 1}'),
        ('password: "hidden hidden', "password: ***"),
        ('password: "hidden \\', "password: ***"),
        ("mnemonic: hidden hidden, hidden; hidden\nof ada", "mnemonic: ***\nof ada"),
        ("mnemonic:\nhidden hidden\nof ada", "mnemonic:\n***\nof ada"),
        ('Seed = "hidden\nhidden" hidden\nof ada', "Seed = ***\nof ada"),
        ("my seed phrase: hidden hidden", "my seed phrase: ***"),
        ("wallet_passphrase=hidden hidden", "wallet_passphrase=***"),
        ("Authorization: Basic hidden of ada", "Authorization: *** of ada"),
        ("password = hidden, of ada", "password = ***, of ada"),
        # No secrets.
        ("https://host:8080/feed/@ada", "https://host:8080/feed/@ada"),
        ("https://host/a/@b?page=2", "https://host/a/@b?page=2"),
        ("mail ada@example.org", "mail ada@example.org"),
        ("a seed of doubt, a mnemonic device", "a seed of doubt, a mnemonic device"),
        ("monkey: Ada; the key is under the mat", "monkey: Ada; the key is under the mat"),
    ],
)
def test_in_a_text_what_looks_like_a_secret_is_masked(text: str, expected: str) -> None:
    assert kept("description", text) == expected
    assert kept("tags", [text, "x"]) == [expected, "x"]


@pytest.mark.parametrize("column", ["api_key", "signing_key", "access_token", "client_secret", "password", "APIKEY"])
def test_a_column_of_such_a_name_is_masked(column: str) -> None:
    assert kept(column, "hidden") == kept(column, 7) == "***"
    assert kept(column, None) is None


@pytest.mark.parametrize("column", ["key", "nft_token_id", "name", "priority", "keynote"])
def test_other_columns_are_kept(column: str) -> None:
    assert kept(column, "a.b") == "a.b"


def test_of_a_long_text_the_length_is_kept() -> None:
    assert kept("summary", "x" * KEPT) == f"({KEPT + 2:,} characters)"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": "hidden", "b": 1, "c": 1}, {"b": 2, "c": 1, "d": "hidden"}, ["added d", "removed a", "changed b"]),
        ({}, {"a": {"b": "hidden"}}, ["added a"]),
    ],
)
def test_of_a_document_the_keys_are_kept(old: Any, new: Any, expected: list[str]) -> None:
    assert changed_keys(old, new) == {what: [key] for what, key in map(str.split, expected)}


@pytest.mark.parametrize(("old", "new"), [(["hidden"], []), (None, {"a": "hidden"}), ("hidden", {}), (1, 2)])
def test_of_what_is_no_object_only_that_it_changed(old: Any, new: Any) -> None:
    assert changed_keys(old, new) == "(a document)"


def test_very_many_keys_are_counted() -> None:
    assert changed_keys({}, {f"key{number}": 1 for number in range(1000)}) == {"added": "(1,000 keys)"}
