"""Client addresses: their networks, loopback addresses and IPv4-mapped IPv6 addresses."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def network(client: str) -> str:
    """Return an IPv4 address itself, or the /64 network of an IPv6 address, since a household usually has a whole /64."""
    try:
        address = _unmapped(ipaddress.ip_address(client))
    except ValueError:
        return client[:64]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


@lru_cache(maxsize=4096)
def is_loopback(client: str) -> bool:
    """Return whether an address is a loopback address."""
    try:
        return _unmapped(ipaddress.ip_address(client)).is_loopback
    except ValueError:
        return client == "localhost"


def unmapped(client: str) -> str:
    """Convert an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) to IPv4. Return any other text unchanged.

    A dual-stack socket reports IPv4 clients in the mapped form.
    """
    if not client.startswith("::"):
        return client
    try:
        return str(_unmapped(ipaddress.ip_address(client)))
    except ValueError:
        return client


def _unmapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
