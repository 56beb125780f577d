"""The comparison is exact for columns and keys of types that user_references does not have (yet)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nullstore.replication.compare import verification
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.shape import TablePair, match, read_columns
from nullstore.replication.compare.verification import verify
from tests.integration.baresql import BareSQL
from tests.integration.damage import found
from tests.integration.replicas import AGENTS_SQL, EREBUS_SQL

pytestmark = pytest.mark.usefixtures("committed_pair")
both_methods = pytest.mark.parametrize("audit", [False, True], ids=["hash", "audit"])

#: Values that SQL calls equal and that are not the same.
ALIKE = {
    "numeric": ("1.0", "1.00"),
    "float8": ("'0'", "'-0'"),
    "interval": ("'1 month'", "'30 days'"),
    "json": ("""'{"a": 1}'""", """'{"a":  1}'"""),
    "bpchar": ("'a'", "'a '"),
    "int4[]": ("'{1,2}'", "'[0:1]={1,2}'"),
    "jsonb": ("'[1.10]'", "'[1.1]'"),
}
#: Values that are as near to each other as can be.
NEAR = {
    "float8": ("0.1", "0.1::float8 + 1e-17 * 2"),
    "bytea": (r"'\x00ff'", r"'\x00fe'"),
    "timestamptz": ("'2026-01-01 00:00:00.000001+00'", "'2026-01-01 00:00:00.000002+00'"),
    "int8": ("9223372036854775807", "9223372036854775806"),
    "inet": ("'10.0.0.1'", "'10.0.0.1/31'"),
    "scratch_mood": ("'sad'", "'glad'"),
}


@contextmanager
def scratch_tables(columns: str, monkeypatch: pytest.MonkeyPatch, where: str | None = None) -> Iterator[None]:
    """A table in both databases that is not replicated, compared in place of the users; `where` is its row filter."""
    moods = {EREBUS_SQL: "'sad', 'glad'", AGENTS_SQL: "'glad', 'sad'"}  # the same values by other numbers
    for side, values in moods.items():
        side.run(f"CREATE TYPE scratch_mood AS ENUM ({values})")
        side.run(f"CREATE TABLE scratch ({columns})")

    def pairs(ends: Ends, tables: object = None) -> list[TablePair]:
        columns = [read_columns(connection, "scratch") for connection in (ends.source, ends.replica)]
        return [match(*columns, key="id", where=where, names=("scratch", "scratch"))]

    try:
        with monkeypatch.context() as patch:
            patch.setattr(verification, "table_pairs", pairs)
            yield
    finally:
        for side in moods:
            side.run("DROP TABLE scratch")
            side.run("DROP TYPE scratch_mood")


def put(side: BareSQL, columns: str, values: str) -> None:
    side.run(f"INSERT INTO scratch ({columns}) VALUES ({values})")


@both_methods
@pytest.mark.parametrize("cases", [ALIKE, NEAR], ids=["alike", "near"])
def test_each_type(audit: bool, cases: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    names = {kind: f"c{number}" for number, kind in enumerate(cases)}
    columns = ", ".join(f"{name} {kind}" for kind, name in names.items())
    with scratch_tables(f"id int PRIMARY KEY, {columns}", monkeypatch):
        for number, (kind, (value, other)) in enumerate(cases.items()):
            put(EREBUS_SQL, f"id, {names[kind]}", f"{number}, {value}")
            put(AGENTS_SQL, f"id, {names[kind]}", f"{number}, {value}")
            put(EREBUS_SQL, f"id, {names[kind]}", f"{100 + number}, {value}")
            put(AGENTS_SQL, f"id, {names[kind]}", f"{100 + number}, {other}")
        verified = verify(audit=audit, wait=False)
    assert found(verified) == {(str(100 + number), "different", (name,)) for number, name in enumerate(names.values())}


@both_methods
@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("int8", ["-5", "9", "10", "100", "-9223372036854775808"]),
        ("text", ["a\tb", "a\\b", "a b", "Ab", "ab", "äb", "", "a\nb", "\U0001f600"]),
        ("varchar(20)", ["Z", "a", "_", "10", "9"]),
    ],
)
def test_keys_of_each_type(audit: bool, kind: str, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_tables(f"id {kind} PRIMARY KEY, v text", monkeypatch):
        for side in (EREBUS_SQL, AGENTS_SQL):
            for key in keys:
                side.run("INSERT INTO scratch VALUES (%s, 'v')", [key])
        assert verify(audit=audit, wait=False).equal
        AGENTS_SQL.run("UPDATE scratch SET v = 'w' WHERE id = %s", [keys[0]])
        AGENTS_SQL.run("DELETE FROM scratch WHERE id = %s", [keys[1]])
        EREBUS_SQL.run("DELETE FROM scratch WHERE id = %s", [keys[-1]])
        assert found(verify(audit=audit, wait=False)) == {
            (keys[0], "different", ("v",)),
            (keys[1], "missing", ()),
            (keys[-1], "extra", ()),
        }


@both_methods
def test_a_row_filter_tells_what_the_replica_has_to_have(audit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_tables("id int8 PRIMARY KEY, v text", monkeypatch, where="v LIKE 'a%'"):
        for key, value in ((1, "ab"), (2, "ac"), (3, "b"), (4, "b")):
            EREBUS_SQL.run("INSERT INTO scratch VALUES (%s, %s)", [key, value])
        for key, value in ((1, "ab"), (4, "b")):
            AGENTS_SQL.run("INSERT INTO scratch VALUES (%s, %s)", [key, value])
        verified = verify(audit=audit, wait=False)
    assert found(verified) == {("2", "missing", ()), ("4", "extra", ())}
    assert (verified.source_rows, verified.replica_rows) == (2, 2)
