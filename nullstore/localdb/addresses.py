"""Addresses and ports of this machine."""

import errno
import ipaddress
import socket

from nullstore.exceptions import LocalServerError


def loopback_addresses(host: str, named_by: str) -> tuple[str, ...]:
    """Return the addresses of `host`, all of them loopback; `named_by` says in a message where the host stands.

    Raises LocalServerError for any other host: nobody else's machine is to reach these servers.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        found = []
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise LocalServerError(
            f"The host {host} in {named_by} is not a loopback address, and localdb runs servers for this machine only. "
            "Write 127.0.0.1 there, or leave localdb alone and start that server by its own means."
        )
    return addresses


def is_taken(address: str, port: int) -> bool:
    """Whether a program listens there already."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        # Anything else (no IPv6, a port only root may use) is for PostgreSQL to report.
        return error.errno == errno.EADDRINUSE
    return False
