"""Authentication of admin routes: bearer tokens (RFC 6750), and a limit on wrong ones."""

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
"""Wrong tokens from one network before further ones get 429: for a second then, twice as long after each further one."""
LONGEST_WAIT = 300
FORGET_SECONDS = 3600
MOST_NETWORKS = 10_000
"""Networks whose wrong tokens are counted. The least recent one is forgotten first."""
COUNTED_A_SECOND, COUNTED_AT_ONCE = 10, 100
"""Wrong tokens that a worker counts, of all networks. Further ones get 429 and leave no trace in the database."""
HINT = "The token of a service that was not given one lies in its state folder, in admin-token."


@dataclass(frozen=True)
class Identity:
    """The owner of a token."""

    name: str
    may_change: bool
    """False for a read-only token."""


def token_path(settings: Settings) -> Path:
    """The file of the token that the service creates for itself."""
    return settings.state / "admin-token"


def own_token(settings: Settings) -> str | None:
    """The service's own token, created if it is missing; None if other tokens are set.

    Raises:
        OSError: it can be neither read nor made.
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
            os.link(part, path)  # appears whole, and only once however many processes start together
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()


class Access:
    """Checks tokens by their digests, and counts wrong ones.

    A right token is accepted at all times, from any address: a lock-out would let anybody behind the owner's address or proxy
    keep the owner out. Every request is therefore a guess that gets an answer, and the entropy of a token, which has 16
    characters or more, is what keeps guessers out. Two things are limited. The rate: after a few wrong tokens, a network gets
    429, each a second late (`app.api.admin`), so a connection makes one guess a second, and the number of connections is
    bounded. And the cost: a wrong token is counted in the database and in the audit log only while its network is not
    waiting, and only so many a second from all networks together.

    Args:
        settings: of the service. Its own token is read, or made, when one is first asked for.
        database: where the count is kept, so that all server workers share it.
    """

    def __init__(self, settings: Settings, database: Callable[[], Database]) -> None:
        self.settings, self._database = settings, database
        self._lock = threading.Lock()
        self._counted = TokenBuckets(COUNTED_A_SECOND, COUNTED_AT_ONCE)

    @cached_property
    def _known(self) -> list[tuple[bytes, Identity]]:
        settings = self.settings
        try:
            own = own_token(settings)
        except OSError as error:
            raise StoreUnavailable(
                f"There is no admin token, and none can be made ({error.strerror}). Set GAN_ADMIN_TOKEN, or make the state "
                "folder writable."
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
            Unauthorized, TokenInvalid: there is none, or a wrong one.
            BadCredentials: the header cannot be read.
            TooManyAttempts: it is wrong, and so were too many from this network before.
            StoreUnavailable: it is wrong, and that cannot be counted; or the service has no token and cannot make one.
        """
        if not authorization:
            raise Unauthorized(f"This needs a token. Send the header Authorization: Bearer TOKEN. {HINT}")
        scheme, _, token = authorization[0].strip().partition(" ")
        if len(authorization) == 1 and scheme.lower() != "bearer":
            raise Unauthorized(f"This needs a token of its own kind. Send Authorization: Bearer TOKEN. {HINT}")
        if len(authorization) > 1 or not token.strip() or " " in token.strip():
            raise BadCredentials("The Authorization header cannot be read. Send one, as Authorization: Bearer TOKEN.")
        found = self._owner(token)
        if found is None:
            self._count_failure(client)
            raise TokenInvalid(f"This token is not known. {HINT}")
        return found

    def knows(self, authorization: Sequence[str]) -> bool:
        """Whether the Authorization header lines carry a right token. A wrong one is not counted."""
        scheme, _, token = authorization[0].strip().partition(" ") if len(authorization) == 1 else ("", "", "")
        try:
            return scheme.lower() == "bearer" and self._owner(token) is not None
        except StoreUnavailable:
            return False

    def _owner(self, token: str) -> Identity | None:
        offered, found = _digest(token.strip()), None
        with self._lock:
            known = self._known
        for digest, identity in known:  # all of them, in constant time: how long it takes tells nothing
            if hmac.compare_digest(digest, offered):
                found = identity
        return found

    def _count_failure(self, client: str) -> None:
        from sqlalchemy import delete, func, insert, select

        from app.storage.database import failures

        now, where = time.time(), network(client)
        chosen = failures.c.client == where
        with self._database().read() as connection:
            _refuse_until(connection.scalar(select(failures.c.locked_until).where(chosen)), now)
        if self._counted.take("all"):
            raise TooManyAttempts("Too many wrong tokens are being sent. Try again in 1 s.", 1)
        with self._database().write() as connection:
            stale = (failures.c.last < now - FORGET_SECONDS) | (failures.c.last > now + FORGET_SECONDS)
            connection.execute(delete(failures).where(stale))
            found = connection.execute(select(failures).where(chosen)).first()
            if found:
                _refuse_until(found.locked_until, now)  # of many guesses sent at once, each is counted, and the rest refused
            elif (connection.scalar(select(func.count()).select_from(failures)) or 0) >= MOST_NETWORKS:
                oldest = select(func.min(failures.c.last)).scalar_subquery()
                connection.execute(delete(failures).where(failures.c.last <= oldest))
            count = (found._mapping["count"] if found else 0) + 1
            wait = min(2.0 ** min(count - FREE_ATTEMPTS, 30), LONGEST_WAIT) if count >= FREE_ATTEMPTS else 0
            connection.execute(delete(failures).where(chosen))
            row = {"client": where, "count": count, "last": now, "locked_until": now + wait}
            connection.execute(insert(failures).values(row))
        logger.warning("a wrong admin token from %s, its %s.", where, count)


def _refuse_until(moment: float | None, now: float) -> None:
    wait = (moment or 0) - now
    if 0 < wait <= LONGEST_WAIT:  # more than the longest was written by a clock that has been set back since
        seconds = int(wait) + 1
        raise TooManyAttempts(f"Too many wrong tokens came from your address. Try again in {seconds} s.", seconds)


def require_change(identity: Identity) -> None:
    """Raise Forbidden for a read-only token."""
    if not identity.may_change:
        raise Forbidden(f"The token of {identity.name} may look, but not change anything. Use an administrator's.")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
