"""Asking a member of staff for the password again, and not too often.

Wrong ones are counted in the admin's log: all processes see the same count, it survives a restart, and it stands in the
history of the key. The user's row is locked meanwhile, so that guesses sent at once are counted one by one.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from erebus_app.models import AgentApiKey
from nullstore.databases import EREBUS

LIMIT: Final = 5
WINDOW: Final = timedelta(minutes=15)
#: What the log says of a wrong password, and what is counted.
WRONG: Final = "Not revealed: wrong password."


@sensitive_variables()
def is_password(user_id: Any, password: str, key: AgentApiKey) -> bool:
    """Return whether it is the user's password. A wrong one is counted; while blocked_until() none is right."""
    users = get_user_model()._default_manager.using(EREBUS)
    with transaction.atomic(using=EREBUS):
        user = users.select_for_update(no_key=True).get(pk=user_id)
        if blocked_until(user_id) is not None:
            return False
        right = user.check_password(password)
        if not right:
            LogEntry.objects.log_actions(user_id, [key], CHANGE, WRONG)
    return right


def blocked_until(user_id: Any) -> datetime | None:
    """Return until when the user is refused after LIMIT wrong passwords within WINDOW; None if not refused."""
    now = timezone.now()
    wrong = LogEntry.objects.filter(
        user_id=user_id,
        content_type=ContentType.objects.get_for_model(AgentApiKey),
        change_message=WRONG,
        action_time__gt=now - WINDOW,
    )
    times = list(wrong.order_by("-action_time").values_list("action_time", flat=True)[:LIMIT])
    return times[-1] + WINDOW if len(times) == LIMIT else None
