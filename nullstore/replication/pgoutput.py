"""Reads the messages of PostgreSQL's output plugin pgoutput: of one transaction, which rows it changes.

Source: "Logical Replication Message Formats" in PostgreSQL's documentation, protocol version 1.
"""

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_MANY: Final = 20
_CHANGES: Final = {b"I": "INSERT", b"U": "UPDATE", b"D": "DELETE", b"T": "TRUNCATE"}


@dataclass(slots=True)
class Transaction:
    """A transaction of the publisher: `finish` is the LSN by which ALTER SUBSCRIPTION ... SKIP names it.

    `changes` counts rows by (command, table); `rows` describes the first of them by their keys.
    """

    xid: int = 0
    finish: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Relation:
    name: str
    keys: tuple[tuple[int, str], ...]


def read_transaction(messages: Iterable[bytes]) -> Transaction:
    """Return the first transaction in `messages`. Values of key columns are kept, of no others."""
    transaction, relations = Transaction(), dict[int, _Relation]()
    for message in messages:
        kind, body = message[:1], message[1:]
        if kind == b"B":
            transaction.finish, _, transaction.xid = struct.unpack_from("!qqI", body)
        elif kind == b"R":
            relations.update([_relation(body)])
        elif kind in _CHANGES:
            _count(transaction, relations, _CHANGES[kind], body)
        elif kind == b"C":
            break
    return transaction


def _count(transaction: Transaction, relations: dict[int, _Relation], command: str, body: bytes) -> None:
    if command == "TRUNCATE":
        number, _ = struct.unpack_from("!ib", body)
        for oid in struct.unpack_from(f"!{number}i", body, 5):
            transaction.changes[command, relations[oid].name] += 1
        return
    (oid,) = struct.unpack_from("!i", body)
    relation = relations[oid]
    transaction.changes[command, relation.name] += 1
    if len(transaction.rows) < _MANY:
        # 'K' or 'O' (the old key or row), if there is one, comes before 'N' (the new row).
        values = _tuple(body, 5)
        keys = ", ".join(f"{name} = {values[place]}" for place, name in relation.keys)
        transaction.rows.append(f"{command} {relation.name} {keys}")


def _relation(body: bytes) -> tuple[int, _Relation]:
    (oid,) = struct.unpack_from("!i", body)
    schema, at = _string(body, 4)
    name, at = _string(body, at)
    at += 1  # the replica identity
    (number,) = struct.unpack_from("!h", body, at)
    at += 2
    keys = []
    for place in range(number):
        flags = body[at]
        column, at = _string(body, at + 1)
        at += 8  # type and modifier
        if flags & 1:
            keys.append((place, column))
    return oid, _Relation(name if schema == "public" else f"{schema}.{name}", tuple(keys))


def _tuple(body: bytes, at: int) -> list[str | None]:
    (number,) = struct.unpack_from("!h", body, at)
    at += 2
    values: list[str | None] = []
    for _ in range(number):
        kind = body[at : at + 1]
        at += 1
        if kind in (b"t", b"b"):
            (length,) = struct.unpack_from("!i", body, at)
            values.append(body[at + 4 : at + 4 + length].decode(errors="replace"))
            at += 4 + length
        else:
            values.append(None)
    return values


def _string(body: bytes, at: int) -> tuple[str, int]:
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1
