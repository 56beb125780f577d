"""Migrations of both databases as one plan: the order in which no change of a replicated table stops replication.

A change of `user_references` is two migrations, one for each copy. Between the two, rows go on being sent as the source
has its table and stored as the replica has its own; `rules` says when that works. `board` looks for an order of all
steps in which it always works, `running` carries it out, `review` refuses what is out of order.
"""
