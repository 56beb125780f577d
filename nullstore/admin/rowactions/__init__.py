"""What staff can do to a row, or to many, with one click, one question and one line in the log."""

from nullstore.admin.rowactions.action import ReasonForm, RequiredReason, RowAction
from nullstore.admin.rowactions.mixin import RowActions

__all__ = ["ReasonForm", "RequiredReason", "RowAction", "RowActions"]
