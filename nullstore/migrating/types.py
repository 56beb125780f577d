"""Which column type of the replica takes what a column of the source sends.

Logical replication sends values in their text form. It has to be readable by the replica's type, and to give what the
source's own ALTER ... TYPE makes of the same value later: else rows that arrive between the two migrations would
differ for good. That is why real to double precision (0.1 and 0.10000000149011612) or boolean to text ('t' and 'true')
are not among them.
"""

import re

#: Digits before the decimal point, and characters of the text form with its sign; smaller types first.
_INTEGERS = {"smallint": (5, 6), "integer": (10, 11), "bigint": (19, 20)}
_UUID_CHARACTERS = 36
_TEXTS = ("character varying", "text")
#: Types that differ in their limits only, in which all have the same bytes.
_BYTES = {"character varying": "text"}


def normal_type(declared: str) -> str:
    """Return a column type of Django's as PostgreSQL's format_type() spells it."""
    spelled = re.sub(r"\s*,\s*", ",", declared.strip())
    return re.sub(r"^varchar\b", "character varying", re.sub(r"^char\b", "character", spelled))


def fits(source: str, replica: str, *, binary: bool = False) -> bool:
    """Tell whether every value of the type `source` arrives whole in a column of the type `replica`.

    A subscription with binary = true sends a type's own bytes, which only the same type reads.
    """
    if source == replica:
        return True
    (what, *sizes), (target, *room) = _parsed(source), _parsed(replica)
    if binary and _BYTES.get(what, what) != _BYTES.get(target, target):
        return False
    if what in _INTEGERS:
        return _integer_fits(what, target, room)
    if what == "numeric":
        return replica == "text" or (target == "numeric" and _numeric_fits(sizes, room))
    return _text_fits(what, sizes, target, room)


def _integer_fits(what: str, target: str, room: list[int]) -> bool:
    digits, characters = _INTEGERS[what]
    if target in _INTEGERS:
        return digits <= _INTEGERS[target][0]
    if target == "numeric":
        return not room or room[0] - (room[1:] or [0])[0] >= digits
    return target in _TEXTS and (not room or room[0] >= characters)


def _text_fits(what: str, sizes: list[int], target: str, room: list[int]) -> bool:
    longest = {"uuid": [_UUID_CHARACTERS], "character varying": sizes, "text": []}.get(what)
    if longest is None or target not in _TEXTS:
        return False
    return not room or (bool(longest) and longest[0] <= room[0])


def _numeric_fits(sizes: list[int], room: list[int]) -> bool:
    if not room or not sizes:
        return not room
    scale, places = (sizes[1:] or [0])[0], (room[1:] or [0])[0]
    return places >= scale and room[0] - places >= sizes[0] - scale


def _parsed(spelled: str) -> tuple[str, *tuple[int, ...]]:
    """Split `name(1,2)` into its name and its numbers. What does not read like that is a name as a whole."""
    found = re.fullmatch(r"([a-z ]+)\((\d+)(?:,(\d+))?\)", spelled)
    if found is None:
        return (spelled,)
    return (found[1], *(int(number) for number in found.groups()[1:] if number is not None))
