"""Client addresses: which network one belongs to, and whether it is this machine's own."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def network(client: str) -> str:
    """An address, or for IPv6 its /64: a household has that many."""
    try:
        address = _unmapped(ipaddress.ip_address(client))
    except ValueError:
        return client[:64]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


@lru_cache(maxsize=4096)
def is_loopback(client: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return _unmapped(ipaddress.ip_address(client)).is_loopback
    except ValueError:
        return client == "localhost"


def unmapped(client: str) -> str:
    """An IPv4 address that a dual-stack socket shows as IPv6 (RFC 4291 2.5.5.2) in its own form; any other text as it is."""
    if not client.startswith("::"):
        return client
    try:
        return str(_unmapped(ipaddress.ip_address(client)))
    except ValueError:
        return client


def _unmapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
