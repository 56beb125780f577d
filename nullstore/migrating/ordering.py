"""The way over the board, and what to say where there is none."""

from collections.abc import Iterable, Iterator

from nullstore.databases import USER_SYNC
from nullstore.exceptions import SchemaChangeRefused
from nullstore.migrating.board import Board, Move, Order, Square
from nullstore.migrating.rules import Problem
from nullstore.migrating.steps import Step

_SPLIT = (
    f"Split each into two migrations: one with what has to come first on {USER_SYNC.subscriber} (columns that come, "
    f"types that widen, NULL allowed), one with what has to come first on {USER_SYNC.publisher} (columns that go, "
    "types that narrow, NOT NULL)"
)
_REFILL = (
    f"{USER_SYNC.subscriber} has rows, which would stay without what {USER_SYNC.publisher} has now. Migrate "
    f"{USER_SYNC.publisher} back to where {USER_SYNC.subscriber} is, or empty the replica: "
    "docs/howto/change-a-replicated-table.md"
)
_REFUSED = "Not applied, to keep replication running and both copies equal:"


def order(board: Board, remedy: str = "") -> Order:
    """Return the steps in an order in which apply never stops, the publisher's first where it does not matter.

    Raises SchemaChangeRefused, with `remedy` or what the problems propose, if there is none. Where the subscription is
    only being made, for an empty replica, any order will do in which all is well at the end: the initial copy tries
    again until it can.
    """
    steps = _way(board, strict=True) or _way(board, strict=False)
    if steps is not None:
        return Order(tuple(_moves(board, steps)))
    if _is_loose(board):
        return Order(tuple(Move(step) for step in _loose_way(board)), loose=True)
    if board.start.filled and not board.start.linked:
        remedy = _REFILL
    raise SchemaChangeRefused(explain(blocked(board), remedy))


def passes(board: Board, steps: Iterable[Step]) -> bool:
    """Tell whether `steps` can be done in just this order."""
    square: Square = (0, 0)
    for step in steps:
        following = _after(square, step)
        if _obstacles(board, step, square, following):
            return False
        square = following
    return True


def _after(square: Square, step: Step) -> Square:
    source, replica = square
    return (source + 1, replica) if step.alias == USER_SYNC.publisher else (source, replica + 1)


def _obstacles(board: Board, step: Step, square: Square, following: Square) -> list[Problem]:
    return board.hazards(step, square) or board.problems(following)


def _way(board: Board, *, strict: bool) -> list[Step] | None:
    """Search depth first, the publisher's step before the subscriber's; no square is looked at twice."""
    seen: set[Square] = set()
    open_ends: list[tuple[Square, list[Step]]] = [((0, 0), [])]
    while open_ends:
        square, done = open_ends.pop()
        if square == board.end:
            return done
        if square in seen:
            continue
        seen.add(square)
        possible = [
            (following, [*done, step])
            for step, following in board.moves(square)
            if not _obstacles(board, step, square, following) and not (strict and _is_early(board, step, square))
        ]
        open_ends.extend(reversed(possible))
    return None


def _is_early(board: Board, step: Step, square: Square) -> bool:
    """Tell whether `step` removes a publication that a subscription still follows, which a later step removes.

    The other way round needs no rule: what is published comes before what subscribes to it, as the publisher's steps
    come first where they can.
    """
    removed = {name for name, spec in step.publications.items() if spec is None}
    leaving = [each for each in board.replica_steps[square[1] :] if not all(each.subscriptions.values())]
    return any(removed & each.follows for each in leaving)


def _is_loose(board: Board) -> bool:
    """Tell whether nothing replicates before the last step, and all is well after it.

    Not if the replica has rows: they are compared when the subscription is made, in the columns that are there then.
    """
    return not board.start.linked and not board.start.filled and not board.problems(board.end)


def _loose_way(board: Board) -> list[Step]:
    square, steps = (0, 0), []
    while square != board.end:
        choices = list(board.moves(square))
        step, square = next((move for move in choices if not _is_early(board, move[0], square)), choices[0])
        steps.append(step)
    return steps


def _moves(board: Board, steps: list[Step]) -> Iterator[Move]:
    square: Square = (0, 0)
    for step in steps:
        on_replica = step.alias == USER_SYNC.subscriber
        fence = on_replica and step.narrows and board.linked(square[1])
        yield Move(step, _why(board, square, on_replica=on_replica), fence)
        square = _after(square, step)


def _why(board: Board, square: Square, *, on_replica: bool) -> str:
    """Say what would go wrong if the other database were ahead at this point."""
    source, replica = square
    ahead: list[tuple[Step, Square]]
    if on_replica:
        ahead = [(board.source_steps[n], (n + 1, replica)) for n in range(source, board.end[0])]
    else:
        ahead = [(board.replica_steps[n], (source, n + 1)) for n in range(replica, board.end[1])]
    for step, reached in ahead:
        for problem in board.problems(reached):
            return f"before {step}: else {problem.text}"
    return ""


def blocked(board: Board) -> list[tuple[Step, Problem]]:
    """Return the steps at which every way ends, as far on as any way leads, each with what is against it."""
    reached: set[Square] = set()
    open_ends = [(0, 0)]
    while open_ends:
        square = open_ends.pop()
        if square not in reached:
            reached.add(square)
            open_ends += [to for step, to in board.moves(square) if not _obstacles(board, step, square, to)]
    furthest = max(reached, key=sum)
    return [
        (step, problem)
        for step, following in board.moves(furthest)
        for problem in _obstacles(board, step, furthest, following)
    ]


def explain(reasons: list[tuple[Step, Problem]], remedy: str = "") -> str:
    """Return the message of a refusal. `remedy` takes the place of what the problems themselves propose."""
    concerned: dict[str, list[str]] = {}
    for step, problem in reasons:
        concerned.setdefault(problem.text, []).append(str(step))
    lines = [f"  {' and '.join(names)}: {what}." for what, names in concerned.items()]
    remedies = list(dict.fromkeys(problem.remedy for _, problem in reasons if problem.remedy))
    proposed = [remedy] if remedy else remedies or [_SPLIT]
    return "\n".join([_REFUSED, *lines, *(f"{each}." for each in proposed)])
