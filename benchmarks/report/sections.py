"""What the page says of each benchmark: a title, and what is measured beside what."""

from typing import Final

SECTIONS: Final[dict[str, tuple[str, str]]] = {
    "latency": (
        "Replication latency",
        """\
From the moment a commit on erebus has returned until a query on agents sees the row: idle, and beside pgbench writing
users at 200, 1,000 and as many as it can a second. "Bare" is the same table with the same rows in a second pair of
servers, without triggers, guard or indexes of ours, under a subscription with PostgreSQL's defaults. Both are probed by
turns, row by row, while both are written to. Bound: the median of the rounds' ratios of the medians is at most 1.10,
and the p99 is within the spread of the bare rounds' own.""",
    ),
    "backfill": (
        "Backfill",
        """\
Making the subscription for an empty replica, until every row is there: nullstore's (`CreateSubscription`, that is, a
migration or `replication resync`); a bare subscription's own table sync into a table with the same indexes, and into
one with only the key; and `psql -c "COPY ... TO STDOUT" | psql -c "COPY ... FROM STDIN"` in binary form. Bound, from a
million users on: at least 1.6 times as fast as the bare subscription with the same indexes. Then both once more while
1,000 users a second are written; after that every row is compared. [How it works, and what it
costs](../discussions/replication.md#nothing-is-copied-twice-and-nothing-is-left-out).""",
    ),
    "verify": (
        "Verification",
        """\
`manage.py replication verify` on identical tables, and with rows that differ, which were changed behind the guard and
all have to be found; beside `count(*)` and the bare hash, each on both servers at once, and beside streaming both
tables in the order of their keys through Python. Bound, from a million users on: identical tables take at most 1.3
times the bare hash. Memory is the peak of the whole process, Django included.""",
    ),
    "fence": (
        "Waiting for the replica",
        """\
From a commit on erebus until `wait_until_replicated()` returns, beside clients that ask the replica for their row until
it is there; 1 and 50 threads of one process, idle and beside 1,000 writes a second. The command is a process of its
own, most of whose time is the start of Python and Django.""",
    ),
    "pages": (
        "The admin's pages",
        """\
A page of each kind, the slowest of three, at each number of users, tasks and engrams, by the time of the WSGI
application; the kinds of an area are in the table of growth. [All 2,082 pages at three million tasks, beside a stock
ModelAdmin](performance-admin.md).""",
    ),
    "writes": (
        "Writes",
        """\
Tasks and engrams through the ORM and by psycopg, one by one, many at once and by COPY, in one transaction that is
rolled back; with our triggers, without them, and into a bare copy of the table with only its key. Microseconds per
row.""",
    ),
    "router": (
        "Routing",
        """\
A decision of the router, and Django's own way to it without any router. Nanoseconds per call, 5,000 calls a run, the
loop taken off. Bound: below 1,000 for a decision of ours.""",
    ),
    "backup": (
        "Backup and restore",
        """\
`manage.py backup` and `restore` beside bare `pg_dump -Fc` and `pg_restore` of the same two databases, one after the
other, in the same run. Backup hashes every row and every file; restore hashes both again, analyses, makes replication
anew and compares the users with their source. Two processes (`--jobs 2`) make up for that on two cores. Bound, at a
million users and tasks: 1.25 times the bare programs. At 20,000 what a restore does beside the rows outweighs them.""",
    ),
    "soak": (
        "Soak",
        """\
Writers on both databases, and a fault drawn from [the list](faults.md) again and again; after each, what `replication
status` prints as its mend is done, and every row compared. Seconds are from the end of the fault, or the beginning of
its mending, until the copies were verified equal under the writers. `python -m benchmarks.soak --minutes N`.""",
    ),
}
