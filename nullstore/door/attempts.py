"""How failed logins are counted. docs/discussions/security.md says why so."""

from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from nullstore import conf
from nullstore.admin.actor import address_of

#: An address may fail so many times as often as one name at one address may.
ADDRESS_FACTOR: Final = 10
#: What belongs to one customer in IPv6, who can take any address of it.
_IPV6_PREFIX: Final = 64


def client_address(request: HttpRequest) -> str | None:
    """Return the address that is counted: of IPv6 the network, whose addresses its owner changes at will."""
    address = address_of(request)
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, _IPV6_PREFIX), strict=False).network_address)


class LoginAttempts(AxesDatabaseHandler):
    """Counts by name and address, and ten times as generously by address alone; never by name alone.

    Whoever wanted to lock out a colleague from elsewhere would lock out himself.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        pair, address = self.get_user_attempts(request, credentials)
        from_there = 0 if request.axes_ip_address is None else _sum(address) // ADDRESS_FACTOR  # type: ignore[attr-defined]
        return max(_sum(pair), from_there)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget those of this name only: else one's own login would wipe out what one tried on others."""
        pair, _ = self.filter_user_attempts(request, credentials)
        return int(pair.delete()[0])

    def remove_out_of_limit_failure_logs(self, **named: Any) -> int:
        """Keep them all: whoever got hold of the web process could otherwise remove the traces of how.

        django-axes' own keeps a thousand of a name, the oldest. `axes_reset_failure_logs --age DAYS` removes old ones.
        """
        return 0

    def ends_at(self, request: HttpRequest, credentials: dict[str, Any] | None) -> Any:
        """Return when the lockout ends at the latest (a datetime), None if nothing is counted any more."""
        latest = max(
            (
                at
                for rows in self.get_user_attempts(request, credentials)
                if (at := rows.aggregate(at=Max("attempt_time"))["at"])
            ),
            default=None,
        )
        return latest and latest + timedelta(minutes=conf.login_cooloff())


def forget_name(name: str | None) -> None:
    """Have nothing counted against `name`, wherever it was tried and with whichever browser."""
    AccessAttempt.objects.filter(username=name).delete()


def forget_address_if_locked(address: str | None) -> bool:
    """Have nothing counted against `address` if it is locked for all names; return whether it was."""
    since = timezone.now() - timedelta(minutes=conf.login_cooloff())
    rows = AccessAttempt.objects.filter(ip_address=address)
    is_locked = address is not None and _sum(rows.filter(attempt_time__gte=since)) >= _most_of_an_address()
    if is_locked:
        rows.delete()
    return is_locked


def _most_of_an_address() -> int:
    return conf.login_attempts() * ADDRESS_FACTOR


def _sum(rows: "QuerySet[AccessAttempt]") -> int:
    return int(rows.aggregate(sum=Sum("failures_since_start"))["sum"] or 0)
