"""Whether the migrations of one database, without those of the other, leave replication running."""

from collections.abc import Sequence
from itertools import takewhile

from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from nullstore.databases import ALIASES, HOMES, USER_SYNC
from nullstore.exceptions import SchemaChangeRefused
from nullstore.migrating.board import Board, Order, Start
from nullstore.migrating.ordering import blocked, explain, order, passes
from nullstore.migrating.start import start
from nullstore.migrating.steps import APPS_OF_REPLICATED, Step, steps

Plan = Sequence[tuple[Migration, bool]]


def review(alias: str, plan: Plan) -> Order:
    """Return the moves of Django's `plan` for `alias`, if they can be made while the other database stays as it is.

    Raises SchemaChangeRefused, which names the command to run first. Asks the databases only if a replicated table
    changes.
    """
    mine = steps(alias, plan, MigrationLoader(None, replace_migrations=False))
    sides = (mine, []) if alias == USER_SYNC.publisher else ([], mine)
    board = Board(start(*sides), *sides)
    try:
        return order(board)
    except SchemaChangeRefused as error:
        first = _to_run_first(alias, board.start, mine)
        raise SchemaChangeRefused(explain(blocked(board), f"Run first: {first}")) from error


def _to_run_first(alias: str, found: Start, mine: list[Step]) -> str:
    """Return the command for the other database after which `mine` are right.

    Raises SchemaChangeRefused, for both databases' steps as a whole, if there is none.
    """
    (other,) = (each for each in ALIASES if each != alias)
    executor = MigrationExecutor(connections[other])
    backwards = any(step.backwards for step in mine)
    plan = _undoing(executor, other) if backwards else executor.migration_plan(executor.loader.graph.leaf_nodes())
    theirs = list(takewhile(lambda step: not step.subscriptions, steps(other, plan, executor.loader)))
    for count in range(1, len(theirs) + 1):
        if passes(_board(alias, found, mine, theirs[:count]), [*theirs[:count], *mine]):
            return _command(theirs[count - 1], executor.loader)
    order(_board(alias, found, mine, [] if backwards else theirs))
    return "manage.py migrate"


def _board(alias: str, found: Start, mine: list[Step], theirs: list[Step]) -> Board:
    return Board(found, mine, theirs) if alias == USER_SYNC.publisher else Board(found, theirs, mine)


def _undoing(executor: MigrationExecutor, alias: str) -> Plan:
    """Return the way back over all applied migrations of the replicated model's app at home in `alias`."""
    return executor.migration_plan([(label, None) for label in APPS_OF_REPLICATED if HOMES[label] == alias])


def _command(step: Step, loader: MigrationLoader) -> str:
    label, name = step.migration.app_label, step.migration.name
    if step.backwards:
        before = sorted(parent[1] for parent in loader.graph.node_map[label, name].parents if parent[0] == label)
        name = before[-1] if before else "zero"
    also = "" if step.backwards else ", or manage.py migrate for both in the right order"
    return f"manage.py migrate {label} {name}{also}"
