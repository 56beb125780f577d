"""set_secret() and reveal() of a model, and how much of a secret people may see."""

import uuid

import pytest

from erebus_app.encrypted import visible_ends
from erebus_app.models import AgentApiKey
from nullstore.encryption import Cell, decrypt, fingerprint
from nullstore.exceptions import DecryptionError
from tests.unit.silence import assert_keeps_silent

SECRET = "sk-proj-Zq81vN0tPwLxRb7cYd93HsKfUeGm5TjA2oXi"


def make_row(secret: str = SECRET) -> AgentApiKey:
    row = AgentApiKey(agent_name="hecate", provider="openai")
    row.set_secret(secret)
    return row


class TestSecret:
    def test_secret_is_revealed_and_its_ends_are_shown(self) -> None:
        row = make_row(f" \n{SECRET}\r\n")
        assert row.reveal() == SECRET
        assert (row.key_prefix, row.key_suffix) == ("sk-proj", "2oXi")
        assert row.key_fingerprint == fingerprint(SECRET)

    def test_secret_of_another_row_is_not_revealed(self) -> None:
        row, other = make_row(), make_row("another-secret-of-somebody")
        other.secret = row.secret
        with pytest.raises(DecryptionError, match=f"agent_api_keys, row {other.pk}"):
            other.reveal()

    def test_the_form_in_which_the_row_id_is_spelled_does_not_matter(self) -> None:
        row = make_row()
        row.pk = str(row.pk).upper()
        assert row.reveal() == SECRET

    def test_row_without_a_secret_says_so(self) -> None:
        with pytest.raises(DecryptionError, match="is empty and names no key id"):
            AgentApiKey().reveal()

    def test_row_without_a_key_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no primary key"):
            AgentApiKey(id=None).set_secret(SECRET)

    @pytest.mark.parametrize(
        ("text", "error", "says"),
        [
            ("", ValueError, "empty"),
            (" \t\r\n", ValueError, "empty"),
            (None, TypeError, "not NoneType"),
            (SECRET.encode(), TypeError, "not bytes"),
            (f"{SECRET}\n{SECRET}", ValueError, "invisible"),
            (f"{SECRET}\x00", ValueError, "invisible"),
            (f"\ufeff{SECRET}", ValueError, "invisible"),
            (f"{SECRET}\udc80", ValueError, "invisible"),
            (f"{SECRET}\u200b", ValueError, "invisible"),
        ],
    )
    def test_what_is_no_secret_is_refused_and_changes_nothing(
        self, text: str, error: type[Exception], says: str
    ) -> None:
        row = make_row("the-secret-that-was-there")
        with pytest.raises(error, match=says) as caught:
            row.set_secret(text)
        assert_keeps_silent(caught.value, SECRET)
        assert row.reveal() == "the-secret-that-was-there"

    @pytest.mark.parametrize("length", range(1, 60))
    def test_never_more_than_a_quarter_is_shown(self, length: int) -> None:
        secret = "".join(chr(0x100 + position) for position in range(length))
        prefix, suffix = visible_ends(secret)
        assert len(prefix or "") + len(suffix or "") == min(length // 4, 11)
        assert secret.startswith(prefix or "")
        assert secret.endswith(suffix or "")
        assert "" not in (prefix, suffix)

    @pytest.mark.parametrize(
        ("length", "shown"), [(3, (0, 0)), (4, (1, 0)), (8, (1, 1)), (20, (3, 2)), (43, (6, 4)), (44, (7, 4))]
    )
    def test_what_is_shown_grows_with_the_length(self, length: int, shown: tuple[int, int]) -> None:
        prefix, suffix = visible_ends("x" * length)
        assert (len(prefix or ""), len(suffix or "")) == shown

    def test_uuid_rows_are_bound_by_their_canonical_text(self) -> None:
        row = make_row()
        assert decrypt(row.secret, Cell("agent_api_keys", "secret", str(uuid.UUID(str(row.pk))))) == SECRET
