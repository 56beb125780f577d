"""The kinds of faults that the soak injects.

Their names are those of their scenarios in docs/reference/faults.md, or in special.OWN. Each acts, ends or is mended as
its scenario declares, and says when. What cannot be among them is in LEFT_OUT: what needs a disk mounted, what takes
acknowledged commits away by definition, what wants erebus without sessions or agents without a subscription, and other
pairs.
"""

import signal
from collections.abc import Callable
from functools import partial

from benchmarks.soak import special
from benchmarks.soak.scene import Scene
from tests.faults import byhand, injections, transactions
from tests.faults.faults import Fault
from tests.faults.injections import APPLY_WORKER, WALSENDER, kill

Act = Callable[[Fault, Scene], None]


def heals(inject: Callable[[Fault], object]) -> Act:
    """A fault that ends by itself."""

    def act(fault: Fault, scene: Scene) -> None:
        inject(fault)
        fault.ends()

    return act


def mended(inject: Callable[[], object]) -> Act:
    """A fault that status shows, and that ends by what status prints as the fix."""

    def act(fault: Fault, scene: Scene) -> None:
        inject()
        scene.pause()
        fault.mend(fault.shows()[fault.scenario.codes_of(fault.major)[-1]])

    return act


def down(*aliases: str, crash: bool) -> Act:
    """Servers that are gone until somebody starts them."""

    def act(fault: Fault, scene: Scene) -> None:
        if crash:
            fault.pair.crash(*aliases)
        else:
            fault.pair.stop(*aliases, mode="immediate")
        scene.pause()
        problems = fault.shows()
        for code in fault.scenario.codes_of(fault.major):
            fault.says(problems[code])
        fault.ends()
        fault.pair.start(*aliases)

    return act


KINDS: dict[str, Act] = {
    "walsender terminated": heals(partial(kill, place=WALSENDER, number=signal.SIGTERM)),
    "walsender killed": heals(partial(kill, place=WALSENDER, number=signal.SIGKILL)),
    "apply worker terminated": heals(partial(kill, place=APPLY_WORKER, number=signal.SIGTERM)),
    "apply worker killed": heals(partial(kill, place=APPLY_WORKER, number=signal.SIGKILL)),
    "server of erebus killed": down("erebus", crash=True),
    "server of agents killed": down("agents", crash=True),
    "both servers killed": down("erebus", "agents", crash=True),
    "immediate shutdown of erebus": down("erebus", crash=False),
    "immediate shutdown of agents": down("agents", crash=False),
    "immediate shutdown of both": down("erebus", "agents", crash=False),
    "one after another, without a rest": special.one_after_another,
    "network cut for a moment": special.cut_for_a_moment,
    "network cut for long": special.cut_for_long,
    "largest file of agents reached": special.limit_files,
    "a row in the replica that conflicts": mended(byhand.conflict),
    "a CHECK on the replica": mended(byhand.refuse_a_row),
    "a column dropped on the replica": mended(byhand.drop_column),
    "rows of the replica changed by hand": special.change_rows,
    special.GUARD_DROPPED.name: mended(byhand.drop_guard),
    "publication dropped": mended(injections.drop_publication),
    "table taken out of the publication": mended(injections.take_table_out),
    "slot dropped": mended(injections.drop_slot),
    "slot invalidated": mended(injections.lose_slot),
    "subscription disabled": mended(injections.disable),
    "subscription dropped, its slot left behind": mended(injections.drop_subscription),
    "replication password changed": special.change_password,
    "replication password rotated": special.rotate_password,
    "TRUNCATE of the source": special.truncate,
    "a copy of agents started on the same slot": special.start_a_copy,
    special.MANY_ROWS.name: special.write_many,
    "50 subtransactions and a rollback": heals(transactions.subtransactions),
    "50 subtransactions and a rollback, streamed": special.stream,
    "a row of 5 MB": heals(transactions.large_row),
    "prepared transactions": special.prepare_transactions,
    special.USERS_DELETED.name: special.delete_users,
    "a task that names a user who has not arrived": mended(byhand.be_late),
    "a transaction on agents that blocks apply": special.block_apply,
    "a task committed after its user has gone": special.outlive_user,
}

_NO_FAULT = "no fault"
_COPYING = "begins with a replica that was emptied, so that every task would lose its user"
_MOUNT = "needs a disk mounted"
_TAKES_AWAY = "takes acknowledged commits away from the source, as it is meant to"
_UNMADE = "begins with migrations reversed down to a pair without a subscription"
_TWENTY = "here it is 20 again and again"
_OTHER_PAIRS = "is about other pairs on the same servers"

LEFT_OUT: dict[str, str] = {
    "nothing but load": _NO_FAULT,
    "table sync terminated half way": _COPYING,
    "table sync killed half way": _COPYING,
    "backfill killed half way": _COPYING,
    "disk of agents full": _MOUNT,
    "disk of agents full, and a resync tried on it": _MOUNT,
    "source database renamed": "wants a source without sessions, and the writers never leave it",
    "TRUNCATE of the source with the refusal lifted": _TAKES_AWAY,
    "source rolled back to an older state": _TAKES_AWAY,
    "source rolled back, and written to until it is ahead again": _TAKES_AWAY,
    "a transaction open while the subscription is made": _UNMADE,
    "a prepared transaction while the subscription is made": _UNMADE,
    "a transaction that ends while the subscription is made": _UNMADE,
    "200,000 rows in one transaction": f"here it is {special.MANY:,} again and again",
    "a user deleted": _TWENTY,
    "100,000 users deleted": _TWENTY,
    "a second pair, with a role of its own": _OTHER_PAIRS,
    "a second pair, with the same role": _OTHER_PAIRS,
    "a second pair that would take over the role": _OTHER_PAIRS,
    "both databases of a pair on one server": _OTHER_PAIRS,
    "more subscriptions than workers": _OTHER_PAIRS,
}
