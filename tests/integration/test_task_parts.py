"""The parts of a task's messages and artifacts: texts, data and files, and how much of them leaves the database."""

import json
from typing import Any

import pytest
from django.test import Client

from agents_app.admin.tasks import reading
from agents_app.admin.tasks.reading import read_documents, read_slice
from nullstore.fields import Unreadable
from tests.integration.adminpages import insert_task, page
from tests.integration.test_task_page import TASK, message, text

pytestmark = pytest.mark.django_db(databases=["erebus", "agents"])


class TestParts:
    def show(self, client: Client, *parts: Any, **more: Any) -> str:
        key = insert_task(history=json.dumps([message("user", *parts, **more)]))
        return client.get(page(TASK, "change", key)).content.decode().partition('id="timeline"')[2]

    def test_text_keeps_its_lines_and_is_no_markup(self, client: Client) -> None:
        shown = self.show(client, text("one\n<b>two</b>"))
        assert '<p class="tk-text">one\n&lt;b&gt;two&lt;/b&gt;</p>' in shown

    def test_data_is_a_document(self, client: Client) -> None:
        shown = self.show(client, {"kind": "data", "data": {"amount": 5}})
        assert '<span class="ns-json-key">amount</span>' in shown

    @pytest.mark.parametrize("uri", ["https://files.example/a?b=1&c=2", "http://files.example"])
    def test_a_file_on_the_web_is_linked(self, uri: str, client: Client) -> None:
        shown = self.show(client, {"kind": "file", "file": {"name": "n.md", "mimeType": "text/markdown", "uri": uri}})
        assert f'<a href="{uri.replace("&", "&amp;")}" rel="noreferrer noopener">' in shown
        assert "<strong>n.md</strong>, text/markdown" in shown

    @pytest.mark.parametrize(
        "uri", ["javascript:alert(1)", "file:///etc/passwd", "//x", "https//", "http://[", "data:,x"]
    )
    def test_another_address_is_text(self, uri: str, client: Client) -> None:
        shown = self.show(client, {"kind": "file", "file": {"name": "n", "uri": uri}})
        assert f"<code>{uri}</code>" in shown
        assert f'href="{uri}"' not in shown

    @pytest.mark.parametrize(("size", "human"), [(6, "6 bytes"), (30_000, "29.3 KB"), (3_000_000, "2.9 MB")])
    def test_the_bytes_of_a_file_are_counted_not_shown(self, size: int, human: str, client: Client) -> None:
        encoded = "QUJD" * (size // 3)
        shown = self.show(client, {"kind": "file", "file": {"name": "n.bin", "bytes": encoded}}, text("after"))
        assert human in shown.replace("\xa0", " ")
        assert "after" in shown
        assert "QUJDQUJD" not in shown
        assert "characters of base64" in shown

    def test_the_spelling_of_version_1_is_understood(self, client: Client) -> None:
        file = {"file": {"fileWithUri": "https://files.example/a", "mediaType": "text/csv", "name": "a.csv"}}
        shown = self.show(client, {"text": "plain"}, {"data": [1]}, file, {"url": "https://files.example/b"})
        assert '<p class="tk-text">plain</p>' in shown
        assert "<strong>a.csv</strong>, text/csv" in shown
        assert 'href="https://files.example/b"' in shown

    @pytest.mark.parametrize("part", [3, None, [], "text", {}, {"kind": "video"}, {"kind": "text"}, {"kind": "file"}])
    def test_one_of_no_kind_is_shown_as_it_is(self, part: Any, client: Client) -> None:
        shown = self.show(client, part, text("after"))
        assert "This part is" in shown
        assert "after" in shown

    def test_a_long_text_is_cut_off(self, client: Client) -> None:
        shown = self.show(client, text("x" * 30_000))
        assert "Cut off: it has 30,000 characters." in shown
        assert len(shown) < 80_000

    @pytest.mark.parametrize(("raw", "size"), [("9" * 400, ""), ("-4", ""), ("true", ""), ("4000", "2.9 KB")])
    def test_a_number_in_place_of_bytes_is_a_length_if_it_can_be_one(self, raw: str, size: str, client: Client) -> None:
        shown = self.show(client, {"filename": "n.bin", "raw": json.loads(raw)}).replace("\xa0", " ")
        assert f"<strong>n.bin</strong>, of unknown type{f', {size}' if size else ''}</p>" in shown


class TestWhatLeavesTheDatabase:
    @pytest.mark.parametrize("column", ["history", "artifacts"])
    @pytest.mark.parametrize(
        "part",
        [
            {"raw": "QUJD" * 1000, "filename": "n"},
            {"kind": "file", "file": {"bytes": "QUJD" * 1000}},
            {"file": {"fileWithBytes": "QUJD" * 1000, "mediaType": "text/csv"}},
            {"raw": "QUJD" * 1000, "file": {"bytes": "QUJD" * 1000, "fileWithBytes": "QUJD" * 1000}},
        ],
    )
    def test_no_bytes_of_a_file_but_their_number(self, part: dict[str, Any], column: str) -> None:
        key = insert_task(**{column: json.dumps([message("user", part, text("after"))])})
        [(_, item)] = read_slice(key, column, 1, 1).items
        assert item["parts"] == [json.loads(json.dumps(part).replace(f'"{"QUJD" * 1000}"', "4000")), text("after")]

    def test_a_document_as_long_as_is_read_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "READ", 20)
        for length, is_read in [(20, True), (21, False)]:
            value = "x" * (length - 2)
            key = insert_task(outcome=json.dumps(value), history=json.dumps([value]))
            [(_, item)] = read_slice(key, "history", 1, 1).items
            for found in (read_documents(key, "outcome")["outcome"], item):
                assert isinstance(found, Unreadable) is not is_read
                assert found == value if is_read else found.why.startswith("It has more than 20 characters")
