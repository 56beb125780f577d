"""How replication is: facts of both ends, problems, one verdict. docs/reference/status.md says what each code means."""

from nullstore.replication.health.codes import CODES, Code
from nullstore.replication.health.examine import health
from nullstore.replication.health.report import Health
from nullstore.replication.health.roots import verdict_of
from nullstore.replication.health.verdict import Problem, Unseen, Verdict

__all__ = ["CODES", "Code", "Health", "Problem", "Unseen", "Verdict", "health", "verdict_of"]
