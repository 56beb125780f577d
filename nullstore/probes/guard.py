"""Who may read metrics and reasons: whoever has the token or, where none is set, this machine."""

import secrets
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

from nullstore import conf

#: Headers of a proxy. They never let anybody in; without a token, they say that REMOTE_ADDR is the proxy's.
_FORWARDED = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED_", "HTTP_X_REAL_IP")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to somebody who may not."""

    status: int
    message: str


def refusal(request: HttpRequest) -> Refusal | None:
    """Return why this request may not see what is guarded; None if it may."""
    if token := conf.metrics_token():
        return None if _holds(request, token) else Refusal(401, "Send the token: Authorization: Bearer TOKEN.\n")
    if conf.is_behind_proxy() or any(name.startswith(_FORWARDED) for name in request.META):
        return Refusal(
            403,
            "Behind a proxy every address could be the proxy's: set NULLSTORE_METRICS_TOKEN and send it as "
            "Authorization: Bearer TOKEN.\n",
        )
    if _is_loopback(request.META.get("REMOTE_ADDR", "")):
        return None
    return Refusal(403, "Without NULLSTORE_METRICS_TOKEN only this machine itself (a loopback address) may see this.\n")


def _holds(request: HttpRequest, token: str) -> bool:
    scheme, _, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    # Compared as bytes, in constant time; compare_digest takes no text beyond ASCII.
    return scheme.lower() == "bearer" and secrets.compare_digest(
        sent.strip().encode(errors="surrogateescape"), token.encode()
    )


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
