"""The connections of one worker: who holds how many, which are idle, and what is buffered for them.

uvicorn bounds the number of connections and nothing else: a flood of idle sockets shuts everybody out, and each connection
may hold an unfinished upload and an unread answer of any size. Here every kind of memory that a caller controls has one
budget for the whole worker. When a budget is exhausted, whoever holds the largest share of it loses a connection, so that
a single caller cannot take the service from the others.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.addresses import network

RESERVE = 20
"""One connection in so many is kept on top of the maximum, for probes and for clients that were served before."""
MOST_KNOWN = 10_000
"""Networks remembered as served before. The one that was served least recently is forgotten first."""
BUSY_SHARE, CLIENT_SHARE = 2, 4
"""Parts of the budget for unread answers. While the worker holds more than a half of it, or a client more than a quarter,
no further large answer is started."""


STALLED = 8 * 1024
"""Bytes a second. A slower reader has to make room for others."""


@dataclass(frozen=True)
class Bounds:
    """What one worker's connections may take."""

    connections: int
    per_client: int
    """Connections of one client network. Loopback and trusted proxies are exempt."""
    body_bytes: int
    """Bytes of request bodies that are held at a time."""
    unsent_bytes: int
    """Bytes of answers that are finished but not yet taken by their readers."""
    proxies: str = ""
    """Addresses and networks of trusted proxies, separated by commas."""


class Connection(Protocol):
    """What `Connections` needs to know of a connection, and may do to it."""

    network: str

    def peer(self) -> str:
        """The network of the caller, which a trusted proxy may have named; else `network`."""

    def unsent(self) -> int:
        """Bytes that were written and not yet taken."""

    def pace(self) -> float:
        """Bytes a second at which the reader takes its answer."""

    def close_idle(self) -> None:
        """Close a connection on which no request is in progress."""

    def refuse_body(self) -> None:
        """Answer 503 instead of receiving the rest of a body, and close."""

    def hang_up(self) -> None:
        """Close at once and drop what is unsent."""


class Connections:
    """The registry of one worker.

    Args:
        bounds: what the connections may take.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._proxies = list(_networks(bounds.proxies))
        self._members: set[Connection] = set()
        self._counts: Counter[str] = Counter()
        self._idle: dict[str, OrderedDict[Connection, None]] = {}
        """By network, the connection that has been idle longest first."""
        self._known: OrderedDict[str, None] = OrderedDict()
        self._bodies: dict[Connection, int] = {}
        self._body_bytes = 0
        self._unread: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._members)

    # How many.

    def add(self, connection: Connection) -> bool:
        """Register a new connection, and close an idle one if there are too many. Return whether it may stay."""
        name = connection.network
        self._members.add(connection)
        self._counts[name] += 1
        if self._counts[name] > self.bounds.per_client and not self._is_exempt(name):
            self._close_oldest(name)
        elif len(self) > self.bounds.connections:
            self._make_room(name)
        self._idle.setdefault(name, OrderedDict())[connection] = None
        return len(self) <= self.bounds.connections + self.reserve

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed or closing. A second call does nothing."""
        self.set_busy(connection)
        self.release_body(connection)
        self._unread.discard(connection)
        if connection not in self._members:
            return
        self._members.remove(connection)
        self._counts[connection.network] -= 1
        if not self._counts[connection.network]:
            del self._counts[connection.network]

    def set_busy(self, connection: Connection) -> None:
        """Note that a request is in progress."""
        idle = self._idle.get(connection.network)
        if idle is not None:
            idle.pop(connection, None)
            if not idle:
                del self._idle[connection.network]

    def set_idle(self, connection: Connection) -> None:
        """Note that no request is in progress any more, after one was answered."""
        if connection not in self._members:
            return
        self._idle.setdefault(connection.network, OrderedDict())[connection] = None
        self._known[connection.network] = None
        self._known.move_to_end(connection.network)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def has_room(self, connection: Connection) -> bool:
        """Whether a request on this connection is answered. A client that was served before may use half of the reserve."""
        name = connection.network
        if self._counts[name] > self.bounds.per_client and not self._is_exempt(name):
            return False
        extra = self.reserve // 2 if name in self._known else 0
        return len(self) <= self.bounds.connections + extra

    @property
    def reserve(self) -> int:
        """Connections on top of the maximum."""
        return max(4, self.bounds.connections // RESERVE)

    def _make_room(self, newcomer: str) -> None:
        """Close the connection that has been idle longest, of the network that holds most; proxies come last."""
        if self._idle:
            self._close_oldest(max(self._idle, key=lambda name: self._weight(name, newcomer)))

    def _weight(self, name: str, newcomer: str) -> tuple[bool, int, bool, bool]:
        return not self._is_proxy(name), self._counts[name], name not in self._known, name == newcomer

    def _close_oldest(self, name: str) -> None:
        idle = self._idle.get(name)
        if idle:
            next(iter(idle)).close_idle()

    def _is_exempt(self, name: str) -> bool:
        return name.startswith("127.") or name.startswith("::/64") or self._is_proxy(name)

    def _is_proxy(self, name: str) -> bool:
        if not self._proxies:
            return False
        try:
            found = ipaddress.ip_network(name)
        except ValueError:
            return False
        return any(found.version == proxy.version and found.overlaps(proxy) for proxy in self._proxies)

    # Bodies.

    def hold_body(self, connection: Connection, size: int) -> None:
        """Note that so many more bytes of a body were received; refuse one if the budget is exhausted."""
        self._bodies[connection] = self._bodies.get(connection, 0) + size
        self._body_bytes += size
        if self._body_bytes > self.bounds.body_bytes:
            shares = Counter[str]()
            for holder, held in self._bodies.items():
                shares[holder.peer()] += held
            largest = shares.most_common(1)[0][0]
            victim = next(holder for holder in self._bodies if holder.peer() == largest)
            self.release_body(victim)
            victim.refuse_body()

    def release_body(self, connection: Connection) -> None:
        """Note that a request was answered, and its body dropped."""
        self._body_bytes -= self._bodies.pop(connection, 0)

    # Answers.

    def hold_answer(self, connection: Connection) -> None:
        """Note that a reader is behind; hang up on the slowest if the budget is exhausted."""
        self._unread.add(connection)
        while len(self._unread) > 1 and self.unsent() > self.bounds.unsent_bytes:
            self._hang_up(self._slowest(self._shares().most_common(1)[0][0]))

    def release_answer(self, connection: Connection) -> None:
        """Note that a reader has caught up."""
        self._unread.discard(connection)

    def unsent(self) -> int:
        """Bytes of answers that wait for their readers."""
        return sum(reader.unsent() for reader in self._unread)

    def has_memory(self, client: str) -> bool:
        """Whether a large answer may be made for a client. Others who have stopped reading are disconnected for it."""
        budget, own = self.bounds.unsent_bytes, network(client)
        while self._unread:
            shares = self._shares()
            if shares[own] > budget // CLIENT_SHARE:
                return False
            if shares.total() <= budget // BUSY_SHARE:
                return True
            largest = shares.most_common(1)[0][0]
            slowest = self._slowest(largest)
            if largest == own or slowest.pace() > STALLED:
                return False
            self._hang_up(slowest)
        return True

    def _slowest(self, peer: str) -> Connection:
        return min((reader for reader in self._unread if reader.peer() == peer), key=lambda reader: reader.pace())

    def _hang_up(self, reader: Connection) -> None:
        self._unread.discard(reader)
        reader.hang_up()

    def _shares(self) -> Counter[str]:
        shares = Counter[str]()
        for reader in self._unread:
            shares[reader.peer()] += reader.unsent()
        return shares


def _networks(listed: str) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for part in listed.split(","):
        try:
            yield ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:  # a name, or * for any: nothing to compare an address with
            continue
