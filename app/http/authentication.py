"""Authentication of the admin routes: bearer tokens (RFC 6750) and a limit on invalid tokens."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.addresses import network
from app.errors import BadCredentials, Forbidden, StoreUnavailable, TokenInvalid, TooManyAttempts, Unauthorized
from app.http.rate_limits import TokenBuckets
from app.settings import ADMIN, Settings

if TYPE_CHECKING:
    from app.storage.database import Database

logger = logging.getLogger("seedling")
FREE_ATTEMPTS = 5
"""Invalid tokens from one network before it has to wait: for one second, then twice as long after each further one."""
LONGEST_WAIT = 300
"""Upper bound of the wait, in seconds."""
FORGET_SECONDS = 3600
"""The count of a network is deleted this long after its last invalid token."""
MOST_NETWORKS = 10_000
"""Maximum number of networks whose invalid tokens are counted. The least recent one is evicted first."""
COUNTED_PER_SECOND, COUNTED_BURST = 10, 100
"""Invalid tokens that a worker counts, from all networks together. Further ones get 429 and no database write."""
HINT = "If no token is configured, the service creates one in the file admin-token in its state folder."


@dataclass(frozen=True)
class Identity:
    """The owner of a token."""

    name: str
    may_change: bool
    """False for a read-only token."""


def token_path(settings: Settings) -> Path:
    """Return the path of the token that the service creates for itself."""
    return settings.state / "admin-token"


def own_token(settings: Settings) -> str | None:
    """Return the service's own token, and create it if it is missing. Return None if admin tokens are configured.

    Raises:
        OSError: the token can be neither read nor created.
    """
    if settings.admin_token or settings.admin_tokens:
        return None
    path = token_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # atomic: of several processes that start together, one creates the file
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


class Access:
    """Checks tokens by their digests and counts invalid ones.

    A valid token is always accepted, from any address. With a lock-out, anybody behind the owner's address or proxy could
    lock the owner out. Guessing is therefore always possible, and the protection is the entropy of the tokens, which have at
    least 16 characters. Two things are limited:

    - The rate. After a few invalid tokens a network gets 429, and each of these responses is delayed by a second
      (`app.api.admin_route`). A connection can make one guess per second, and the number of connections is limited.
    - The cost. An invalid token is counted in the database and in the audit log only while its network does not have to
      wait, and only up to a maximum rate for all networks together.

    Args:
        settings: the settings of the service. Its own token is read or created on first use.
        database: stores the counts, so that all server workers share them.
    """

    def __init__(self, settings: Settings, database: Callable[[], Database]) -> None:
        self.settings, self._database = settings, database
        self._lock = threading.Lock()
        self._counted = TokenBuckets(COUNTED_PER_SECOND, COUNTED_BURST)

    @cached_property
    def _known(self) -> list[tuple[bytes, Identity]]:
        settings = self.settings
        try:
            own = own_token(settings)
        except OSError as error:
            raise StoreUnavailable(
                f"The admin token cannot be read or created ({error.strerror}). Set GAN_ADMIN_TOKEN, or make the state folder "
                "writable."
            ) from error
        admins = {name: token.get_secret_value() for name, token in settings.admin_tokens.items()}
        if settings.admin_token:
            admins[ADMIN] = settings.admin_token.get_secret_value()
        elif own:
            admins[ADMIN] = own
        viewers = {name: token.get_secret_value() for name, token in settings.viewer_tokens.items()}
        known = [(_digest(token), Identity(name, True)) for name, token in admins.items()]
        return known + [(_digest(token), Identity(name, False)) for name, token in viewers.items()]

    def identify(self, authorization: Sequence[str], client: str) -> Identity:
        """Return the owner of the token in the Authorization headers.

        Raises:
            Unauthorized: there is no bearer token.
            TokenInvalid: the token is unknown.
            BadCredentials: the header is malformed, or there is more than one.
            TooManyAttempts: the token is unknown, and the network has sent too many unknown tokens.
            StoreUnavailable: the token is unknown and the attempt cannot be counted, or the service cannot read or create
                its own token.
        """
        if not authorization:
            raise Unauthorized(f"A token is required. Send the header Authorization: Bearer TOKEN. {HINT}")
        scheme, _, token = authorization[0].strip().partition(" ")
        if len(authorization) == 1 and scheme.lower() != "bearer":
            raise Unauthorized(f"A bearer token is required. Send the header Authorization: Bearer TOKEN. {HINT}")
        if len(authorization) > 1 or not token.strip() or " " in token.strip():
            raise BadCredentials(
                "The Authorization header is malformed or repeated. Send one header Authorization: Bearer TOKEN."
            )
        found = self._owner(token)
        if found is None:
            self._count_failure(client)
            raise TokenInvalid(f"This token is unknown. {HINT}")
        return found

    def knows(self, authorization: Sequence[str]) -> bool:
        """Whether the Authorization headers carry a valid token. Invalid tokens are not counted."""
        scheme, _, token = authorization[0].strip().partition(" ") if len(authorization) == 1 else ("", "", "")
        try:
            return scheme.lower() == "bearer" and self._owner(token) is not None
        except StoreUnavailable:
            return False

    def _owner(self, token: str) -> Identity | None:
        offered, found = _digest(token.strip()), None
        with self._lock:
            known = self._known
        for digest, identity in known:  # always all of them, in constant time, so that the duration reveals nothing
            if hmac.compare_digest(digest, offered):
                found = identity
        return found

    def _count_failure(self, client: str) -> None:
        from sqlalchemy import delete, func, insert, select

        from app.storage.database import failures

        now, origin = time.time(), network(client)
        chosen = failures.c.client == origin
        with self._database().read() as connection:
            _check_wait(connection.scalar(select(failures.c.locked_until).where(chosen)), now)
        if self._counted.take("all"):
            raise TooManyAttempts("The service is receiving too many invalid tokens. Try again in 1 s.", 1)
        with self._database().write() as connection:
            stale = (failures.c.last < now - FORGET_SECONDS) | (failures.c.last > now + FORGET_SECONDS)
            connection.execute(delete(failures).where(stale))
            found = connection.execute(select(failures).where(chosen)).first()
            if found:
                _check_wait(found.locked_until, now)  # again, because another guess may have been counted meanwhile
            elif (connection.scalar(select(func.count()).select_from(failures)) or 0) >= MOST_NETWORKS:
                oldest = select(func.min(failures.c.last)).scalar_subquery()
                connection.execute(delete(failures).where(failures.c.last <= oldest))
            count = (found._mapping["count"] if found else 0) + 1
            wait = min(2.0 ** min(count - FREE_ATTEMPTS, 30), LONGEST_WAIT) if count >= FREE_ATTEMPTS else 0
            connection.execute(delete(failures).where(chosen))
            # Not `now` if there is no wait: an attempt of another thread that began a moment earlier would have to wait.
            row = {"client": origin, "count": count, "last": now, "locked_until": now + wait if wait else 0.0}
            connection.execute(insert(failures).values(row))
        logger.warning("Invalid admin token from %s (attempt %s).", origin, count)


def _check_wait(until: float | None, now: float) -> None:
    """Raise TooManyAttempts until this time."""
    wait = (until or 0) - now
    if 0 < wait <= LONGEST_WAIT:  # a longer wait was written before the clock was set back
        seconds = int(wait) + 1
        raise TooManyAttempts(f"Your network has sent too many invalid tokens. Try again in {seconds} s.", seconds)


def require_change(identity: Identity) -> None:
    """Raise Forbidden for a read-only token."""
    if not identity.may_change:
        raise Forbidden(f"The token of {identity.name} is read-only. Use an administrator's token.")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
