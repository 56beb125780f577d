"""The content of the replica, compared with its source and mended, while both are written.

from nullstore.replication.compare.repair import repair
from nullstore.replication.compare.verification import verify

found = verify()
if not found.equal:
    found = repair(found)
"""
