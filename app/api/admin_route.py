"""The class of all admin routes: authentication, delay of guesses, audit log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from app.errors import InvalidRequest, SeedlingError, StoreUnavailable, TokenInvalid, TooManyAttempts
from app.http.authentication import Access, Identity, require_change
from app.http.problem_details import problem_responses
from app.retraining.facade import Retraining

logger = logging.getLogger("seedling")
READING = ("GET", "OPTIONS")
GUESS_SECONDS = 1.0
"""Delay of the response to a wrong token after too many of them. It limits each connection to one guess in this time."""


class AdminRoute(APIRoute):
    """A route that authenticates the caller before it reads the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            retraining: Retraining = request.app.state.retraining
            identity: Identity | None = None
            try:
                identity = request.state.identity = await to_thread.run_sync(_identify, request)
                if request.method not in READING:
                    require_change(identity)
                response = await handle(request)
            except Exception as error:
                if identity is None and isinstance(error, TooManyAttempts | StoreUnavailable):  # a wrong token, not counted
                    await asyncio.sleep(GUESS_SECONDS)
                if identity or isinstance(error, TokenInvalid):  # not requests without a token, which could fill the disk
                    await self._note(retraining, request, identity, *_outcome(error))
                raise
            await self._note(retraining, request, identity, response.status_code, "ok")
            return response

        return guarded

    async def _note(
        self, retraining: Retraining, request: Request, identity: Identity | None, status: int, outcome: str
    ) -> None:
        """Record a change, or a rejected token, in the audit log. Reads are not recorded, nor are the parts of an upload."""
        is_silent = request.method in READING or (request.method == "PATCH" and outcome == "ok")
        if is_silent and outcome not in ("token_invalid", "insufficient_scope"):
            return
        client, who = request.client.host if request.client else None, identity.name if identity else None
        action = self.name.split("_")[0]
        try:
            await to_thread.run_sync(lambda: retraining.audit.add(who, client, action, request.url.path, status, outcome))
        except StoreUnavailable:
            logger.error("audit: entry not written: %s %s by %s -> %s %s", action, request.url.path, who, status, outcome)


def _identify(request: Request) -> Identity:
    client = request.client.host if request.client else "unknown"
    access: Access = request.app.state.access
    return access.identify(request.headers.getlist("Authorization"), client)


def _outcome(error: Exception) -> tuple[int, str]:
    if isinstance(error, SeedlingError):
        return error.status, error.code
    if isinstance(error, RequestValidationError):
        return InvalidRequest.status, InvalidRequest.code
    if isinstance(error, HTTPException):
        return error.status_code, "http_error"
    return 500, SeedlingError.code


SECURED: dict[str, Any] = {
    "route_class": AdminRoute,
    "dependencies": [Depends(HTTPBearer(auto_error=False, description="An admin token; see docs/security.md."))],  # for /docs
}
"""Arguments that make the routes of a router require a token."""


def admin_router(tag: str) -> APIRouter:
    """Return a router whose routes require a token."""
    return APIRouter(prefix="/admin", tags=[tag], responses=problem_responses(400, 401, 403, 422, 429, 503), **SECURED)
