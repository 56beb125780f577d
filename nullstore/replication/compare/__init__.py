"""The content of the replica, compared with its source and mended, while both are written.

from nullstore.replication.compare import repair, verify

found = verify()
if not found.equal:
    found = repair(found)
"""

from nullstore.replication.compare.repair import repair
from nullstore.replication.compare.results import Difference, Verification
from nullstore.replication.compare.verification import verify

__all__ = ["Difference", "Verification", "repair", "verify"]
