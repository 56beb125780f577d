"""The documents of a task, read as far as a page shows them: there may be thousands of messages, and files in them."""

from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from django.db import connections

from nullstore.databases import AGENTS
from nullstore.fields import Unreadable, read_document

#: Characters of a document of another kind than it should be, or of a long text, that a page shows.
SHOWN: Final = 4_000
#: Characters of a document up to which it is read at all.
READ: Final = 1_000_000
#: Characters of the bytes of a file above which the database leaves them out.
BYTES: Final = 200
#: Where a part has them: A2A v0.3 in the first two places, v1.0 in the last.
BYTES_PATHS: Final = ("{file,bytes}", "{file,fileWithBytes}", "{raw}")


@dataclass(frozen=True, slots=True)
class Slice:
    """The first and the last items of a JSON array, with their places in it, and how many there are."""

    items: list[tuple[int, Any]]
    total: int
    unreadable: Unreadable | None = None


def _without_bytes(part: str, path: str) -> str:
    """Return SQL for `part` with the length of what is at `path`, if it is long, in its place."""
    length = f"length(part #>> '{path}')"
    is_long = f"{length} > %(bytes)s AND jsonb_typeof(part #> '{path}') = 'string'"
    return f"CASE WHEN {is_long} THEN jsonb_set({part}, '{path}', to_jsonb({length})) ELSE {part} END"


# Large items lose the bytes of their files before they leave the server: pages say only how many there are.
_SLICE: Final = """
    WITH document AS (
        SELECT {column} AS it, CASE jsonb_typeof({column}) WHEN 'array' THEN jsonb_array_length({column}) END AS length
        FROM tasks WHERE id = %(id)s
    ), items AS (
        SELECT place, item FROM document, jsonb_array_elements(
            CASE WHEN length IS NULL THEN '[]' WHEN length <= %(first)s + %(last)s THEN it
            ELSE jsonb_path_query_array(it, '$[0 to $n]', jsonb_build_object('n', %(first)s - 1))
                 || jsonb_path_query_array(it, '$[last - $n to last]', jsonb_build_object('n', %(last)s - 1)) END
        ) WITH ORDINALITY AS items (item, place)
    )
    SELECT length, CASE WHEN length IS NULL THEN left(it::text, %(shown)s) END, (
        SELECT array_agg(left((CASE WHEN jsonb_typeof(item -> 'parts') = 'array' AND length(item::text) > %(bytes)s
            THEN jsonb_set(item, '{{parts}}', COALESCE((
                SELECT jsonb_agg({part}) FROM jsonb_array_elements(item -> 'parts') AS part), '[]'))
            ELSE item END)::text, %(read)s) ORDER BY place)
        FROM items)
    FROM document
"""


def read_slice(task_id: Any, column: str, first: int, last: int) -> Slice:
    """Return the first and last items of the array in `column`, without the bytes of large files."""
    given = {"id": task_id, "first": first, "last": last, "shown": SHOWN, "bytes": BYTES, "read": READ + 1}
    part = reduce(_without_bytes, BYTES_PATHS, "part")
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(_SLICE.format(column=column, part=part), given)
        length, text, items = cursor.fetchone() or (0, None, None)
    if length is None:
        # SQL NULL, where the column may have it, is nothing to complain of.
        return Slice([], 0, None if text is None else Unreadable.of(text, "This should be a list, and is not"))
    texts = items or []
    after_gap = length - len(texts)
    return Slice([(at if at < first else at + after_gap, parse(text)) for at, text in enumerate(texts)], length)


def read_documents(task_id: Any, *columns: str) -> dict[str, Any]:
    """Return these columns of the task, each as JSON has it; what Python cannot hold as Unreadable."""
    texts = ", ".join(f"left({column}::text, {READ + 1})" for column in columns)
    with connections[AGENTS].cursor() as cursor:
        cursor.execute(f"SELECT {texts} FROM tasks WHERE id = %s", [task_id])
        row = cursor.fetchone() or [None] * len(columns)
    return {column: parse(text) for column, text in zip(columns, row, strict=True)}


def parse(text: str | None) -> Any:
    """Return what the JSON `text` says; Unreadable if it is too long, too deep or has numbers beyond Python's."""
    if text is None:
        return None
    if len(text) > READ:
        return Unreadable.of(text, f"It has more than {READ:,} characters: only the beginning is shown")
    return read_document(text)
