"""Re-encrypts the stored secrets under the first master key, a batch at a time, while others write.

Every row is either as it was or re-encrypted, at any moment: a run that was killed is simply run again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.db import OperationalError, connections, models, reset_queries, transaction
from django.db.models import CharField, Count, Func, QuerySet
from django.views.decorators.debug import sensitive_variables
from psycopg.errors import LockNotAvailable

from nullstore import encryption
from nullstore.databases import EREBUS
from nullstore.exceptions import DecryptionError

BATCH_SIZE: Final = 1000
LOCK_WAIT: Final = 5.0
_ATTEMPTS: Final = 5
#: How many unreadable and busy rows a report names; it counts them all.
NAMED_ROWS: Final = 100

# Rows that somebody holds are left to _settle(): nothing waits here while it holds locks on others.
_SWAP = """
UPDATE {table} AS t SET secret = v.new{fingerprint}
FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[], %s::text[]) AS v (id, old, new, fingerprint),
     (SELECT id FROM {table} WHERE id = ANY(%s::uuid[]) FOR UPDATE SKIP LOCKED) AS free
WHERE t.id = v.id AND free.id = v.id AND t.secret = v.old
RETURNING t.id
"""


class KeyId(Func):
    """The key id in a stored secret, '' if there is none: encryption.key_id_of() in SQL, so that no secret travels."""

    output_field = CharField()
    template = f"""(CASE WHEN octet_length(%(expressions)s) > 2 THEN
        CASE WHEN get_byte(%(expressions)s, 0) = {encryption.FORMAT}
            AND get_byte(%(expressions)s, 1) BETWEEN 1 AND 32
            AND octet_length(%(expressions)s) > 2 + get_byte(%(expressions)s, 1)
            AND encode(substring(%(expressions)s FROM 3 FOR get_byte(%(expressions)s, 1)), 'escape')
                ~ '^{encryption.KEY_ID_PATTERN}$'
        THEN encode(substring(%(expressions)s FROM 3 FOR get_byte(%(expressions)s, 1)), 'escape')
        ELSE '' END ELSE '' END)"""


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A row that could not be re-encrypted, and why."""

    id: str
    key_id: str | None
    message: str


@dataclass(slots=True)
class ProblemRows:
    """All are counted, the first NAMED_ROWS are named: a report stays small however many there are."""

    count: int = 0
    named: list[ProblemRow] = field(default_factory=list)

    def add(self, row: Any, message: str) -> None:
        self.count += 1
        if len(self.named) < NAMED_ROWS:
            self.named.append(ProblemRow(str(row.pk), encryption.key_id_of(bytes(row.secret)), message))


@dataclass(slots=True)
class Rotation:
    """What a run found and did. `before` and `after` count rows by key id; '' stands for rows without one."""

    key_id: str
    before: dict[str, int]
    after: dict[str, int] = field(default_factory=dict)
    rotated: int = 0
    unreadable: ProblemRows = field(default_factory=ProblemRows)
    busy: ProblemRows = field(default_factory=ProblemRows)

    @property
    def to_do(self) -> int:
        """Rows not under the first key now."""
        return sum(rows for key_id, rows in self.after.items() if key_id != self.key_id)

    @property
    def unused(self) -> list[str]:
        """Ids in FIELD_ENCRYPTION_KEYS, after the first, that no row uses now."""
        return [key_id for key_id in encryption.master_keys() if key_id != self.key_id and key_id not in self.after]

    @property
    def missing(self) -> list[str]:
        """Ids that rows use now and FIELD_ENCRYPTION_KEYS does not have."""
        return sorted(key_id for key_id in self.after if key_id and key_id not in encryption.master_keys())

    @property
    def exit_code(self) -> int:
        """0 = all rows under the first key, 1 = some are not yet, 2 = some cannot be decrypted."""
        return 2 if self.unreadable.count else int(self.to_do > 0)


def holders() -> list[type[models.Model]]:
    """Return the models that keep an encrypted secret, of whichever app: those that say to which cell it is bound."""
    return [model for model in apps.get_models() if hasattr(model, "secret_cell")]


def count_by_key_id() -> dict[str, int]:
    """Return the number of secrets under each key id; '' counts those without one."""
    counts: Counter[str] = Counter()
    for model in holders():
        rows = model._default_manager.order_by().values_list(KeyId("secret")).annotate(rows=Count("pk"))
        counts.update(dict(rows))
    return dict(sorted(counts.items()))


def rotate(
    *,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
    lock_wait: float = LOCK_WAIT,
    progress: Callable[[int, int], Any] | None = None,
) -> Rotation:
    """Re-encrypt every secret that is not under the first master key; with `dry_run` only try to decrypt it.

    Calls `progress` after each batch with the rows seen so far and the rows there were to do. Waits at most `lock_wait`
    seconds for a row that another transaction holds, then goes on without it.
    """
    report = Rotation(encryption.writing_key().id, before=count_by_key_id())
    total = sum(rows for key_id, rows in report.before.items() if key_id != report.key_id)
    done = 0
    for batch in chain.from_iterable(_batches(model, report.key_id, batch_size) for model in holders()):
        swaps = [swap for row in batch if (swap := _prepare(row, report))]
        if swaps and not dry_run:
            _swap_batch(swaps, report, lock_wait)
        # With DEBUG on Django keeps every statement: memory would grow with the table.
        reset_queries()
        done += len(batch)
        if progress:
            progress(done, total)
    report.after = count_by_key_id()
    return report


@dataclass(frozen=True, slots=True)
class _Swap:
    """A row as it was read, and what its secret and fingerprint are to become."""

    row: Any
    secret: bytes
    fingerprint: str


def _rows(model: type[models.Model], key_id: str) -> QuerySet[Any]:
    """The rows whose secret is not under the key `key_id`."""
    rows: QuerySet[Any] = (
        model._default_manager.alias(key_id=KeyId("secret")).exclude(key_id=key_id).only("pk", "secret")
    )
    return rows


def _has_fingerprint(model: type[models.Model]) -> bool:
    return any(field.name == "key_fingerprint" for field in model._meta.get_fields())


def _batches(model: type[models.Model], key_id: str, size: int) -> Iterator[list[Any]]:
    rows = _rows(model, key_id).order_by("pk")
    batch = list(rows[:size])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])


@sensitive_variables()
def _prepare(row: Any, report: Rotation) -> _Swap | None:
    """Encrypt the row's secret anew in memory; a row that cannot be decrypted goes into the report."""
    try:
        text = encryption.decrypt(row.secret, row.secret_cell())
    except DecryptionError as error:
        report.unreadable.add(row, str(error))
        return None
    return _Swap(row, encryption.encrypt(text, row.secret_cell()), encryption.fingerprint(text))


def _swap_batch(swaps: list[_Swap], report: Rotation, lock_wait: float) -> None:
    swapped = _swap_free(swaps)
    report.rotated += len(swapped)
    for swap in swaps:
        if swap.row.pk not in swapped:
            _settle(swap.row, report, lock_wait)


def _swap_free(swaps: list[_Swap]) -> set[Any]:
    """Write, in one statement, the rows that still hold what was read and that nobody has locked; return their ids.

    All are of one model.
    """
    model = type(swaps[0].row)
    table = connections[EREBUS].ops.quote_name(model._meta.db_table)
    statement = _SWAP.format(
        table=table, fingerprint=", key_fingerprint = v.fingerprint" if _has_fingerprint(model) else ""
    )
    ids = [swap.row.pk for swap in swaps]
    old = [bytes(swap.row.secret) for swap in swaps]
    new, fingerprints = [swap.secret for swap in swaps], [swap.fingerprint for swap in swaps]
    with connections[EREBUS].cursor() as cursor:
        cursor.execute(statement, [ids, old, new, fingerprints, ids])
        return {row_id for (row_id,) in cursor.fetchall()}


def _settle(row: Any, report: Rotation, lock_wait: float) -> None:
    """Look again at a row that was changed, locked or deleted after it was read, and swap it alone."""
    problem = f"changed by others {_ATTEMPTS} times meanwhile"
    for _ in range(_ATTEMPTS):
        found = _rows(type(row), report.key_id).filter(pk=row.pk).first()
        if found is None:  # Deleted, or written under the first key by somebody else.
            return
        row = found
        swap = _prepare(row, report)
        if swap is None:
            return
        swapped = _swap_one(swap, lock_wait)
        if swapped:
            report.rotated += 1
            return
        if swapped is None:
            problem = f"locked by another transaction for {lock_wait} seconds"
            break
    report.busy.add(row, f"{row.secret_cell()}: {problem}")


def _swap_one(swap: _Swap, lock_wait: float) -> int | None:
    """Return how many rows were written: 0 if it changed after it was read, None if it stayed locked."""
    try:
        with transaction.atomic(using=EREBUS):
            with connections[EREBUS].cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int(lock_wait * 1000)}ms"])
            model = type(swap.row)
            fingerprint = {"key_fingerprint": swap.fingerprint} if _has_fingerprint(model) else {}
            rows: QuerySet[Any] = model._default_manager.filter(pk=swap.row.pk, secret=swap.row.secret)
            return rows.update(secret=swap.secret, **fingerprint)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return None
        raise
