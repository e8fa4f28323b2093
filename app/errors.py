"""The exception tree and its one shape on the wire: `application/problem+json` (RFC 9457).

    SeedlingError
    ├── InvalidRequest          422  a parameter is not what it should be
    │   ├── SeedInvalid         422  not a seed, or a numeral that is no integer in range
    │   ├── LabelInvalid        422  no such class, or no classes at all
    │   ├── LatentInvalid       422  an explicit z of the wrong length or size
    │   ├── TooMuch             422  more pictures, frames or pixels than one call may ask for
    │   └── PictureInvalid      422  a picture file that is empty, damaged or cut off
    ├── BodyTooLarge            413  more bytes than are read
    │   └── PictureTooLarge     413  more pixels than are decoded
    ├── PictureUnsupported      415  a body that is no picture, or of another kind
    ├── NotFound                404  no such model, version or page
    ├── Conflict                409  what is asked for does not fit the state things are in
    │   ├── JobConflict         409  a job that has ended, or has not
    │   ├── VersionInService    409  a champion cannot be deleted
    │   ├── VersionUnfit        409  a version that must not be promoted
    │   └── IdempotencyConflict 409  the first request with this key is still in flight
    ├── IdempotencyMismatch     422  the key was used with another body
    ├── PreconditionFailed      412  the champion is not the one that If-Match names
    ├── PreconditionRequired    428  a promotion must say which champion it replaces
    ├── QueueFull               429  too many jobs are waiting
    ├── TooManyAttempts         429  too many wrong tokens from one address
    ├── BadCredentials          400  an Authorization header that cannot be read (RFC 6750)
    ├── Unauthorized            401  no token
    │   └── TokenInvalid        401  a wrong one
    ├── Forbidden               403  a token that may only look
    ├── NoTrainer               501  nothing here can train
    ├── StoreUnavailable        503  the job store cannot be read or written
    ├── VersionUnusable         503  a version that is not what its manifest says, or none at all
    ├── NotReady                503  nothing can be served yet
    ├── Busy                    503  too much long work is waiting
    │   └── Overloaded          503  more single pictures are asked for than can be drawn
    └── ClientGone              499  the caller hung up before its turn came

Every message ends with the remedy.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

logger = logging.getLogger("seedling")
MEDIA_TYPE = "application/problem+json"


class SeedlingError(Exception):
    """Something went wrong in a way that has a name."""

    status, code = 500, "internal_error"
    headers: Mapping[str, str] = MappingProxyType({})
    """What the answer carries besides."""


class InvalidRequest(SeedlingError):
    """A parameter is not what it should be."""

    status, code = 422, "invalid_request"


class SeedInvalid(InvalidRequest):
    """Not a seed: empty, too long, or a numeral that is not an integer in 0..2**32-1."""

    code = "seed_invalid"


class LabelInvalid(InvalidRequest):
    """The model has no such class, or none at all."""

    code = "label_invalid"


class LatentInvalid(InvalidRequest):
    """An explicit z has another length than the model's z_dim, or a number beyond -1000..1000."""

    code = "latent_invalid"


class TooMuch(InvalidRequest):
    """More pictures, frames or pixels than one call may ask for."""

    code = "too_much"


class PictureInvalid(InvalidRequest):
    """A picture file is empty, damaged or cut off."""

    code = "picture_invalid"


class BodyTooLarge(SeedlingError):
    """The body is longer than the bound."""

    status, code = 413, "body_too_large"


class PictureTooLarge(BodyTooLarge):
    """A picture file would take more work to decode than it may."""

    code = "picture_too_large"


class PictureUnsupported(SeedlingError):
    """A body is not a picture, or none of a kind that is read."""

    status, code = 415, "picture_unsupported"


class NotFound(SeedlingError):
    """There is no such model, version or page."""

    status, code = 404, "not_found"


class VersionUnusable(SeedlingError):
    """The version is not what its manifest says, or no version can be served at all."""

    status, code = 503, "version_unusable"


class NotReady(SeedlingError):
    """The default model's champion is not loaded."""

    status, code = 503, "not_ready"


class Busy(SeedlingError):
    """Too much long work is waiting."""

    status, code = 503, "busy"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})


class Overloaded(Busy):
    """More single pictures are asked for than can be drawn."""

    code = "overloaded"
    headers = MappingProxyType({"Retry-After": "1"})


class Conflict(SeedlingError):
    """What is asked for does not fit the state things are in."""

    status, code = 409, "conflict"


class JobConflict(Conflict):
    """The job is in a state in which this cannot be done."""

    code = "job_conflict"


class VersionInService(Conflict):
    """The version is the champion."""

    code = "version_in_service"


class VersionUnfit(Conflict):
    """The version is not what its manifest says, so it is not put into service."""

    code = "version_unfit"


class IdempotencyConflict(Conflict):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "idempotency_in_flight"
    headers = MappingProxyType({"Retry-After": "1"})


class IdempotencyMismatch(InvalidRequest):
    """The Idempotency-Key was used with another body."""

    code = "idempotency_mismatch"


class PreconditionFailed(SeedlingError):
    """The champion is not the one that If-Match names."""

    status, code = 412, "precondition_failed"


class PreconditionRequired(SeedlingError):
    """A promotion must say which champion it replaces (RFC 6585)."""

    status, code = 428, "precondition_required"


class QueueFull(SeedlingError):
    """As many jobs are waiting as may."""

    status, code = 429, "queue_full"
    headers = MappingProxyType({"Retry-After": "60"})


class TooManyAttempts(SeedlingError):
    """Too many wrong tokens came from one address."""

    status, code = 429, "too_many_attempts"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(seconds)}


class BadCredentials(SeedlingError):
    """The Authorization header cannot be read (RFC 6750 3.1, invalid_request)."""

    status, code = 400, "invalid_credentials"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_request"'})


class Unauthorized(SeedlingError):
    """No token was given (RFC 6750 3: then the challenge says nothing more)."""

    status, code = 401, "token_missing"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling"'})


class TokenInvalid(Unauthorized):
    """The token is none of ours."""

    code = "token_invalid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="invalid_token"'})


class Forbidden(SeedlingError):
    """The token may look, but not change anything."""

    status, code = 403, "insufficient_scope"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="seedling", error="insufficient_scope", scope="admin"'})


class NoTrainer(SeedlingError):
    """Neither this process nor any other that shares its state can train."""

    status, code = 501, "no_trainer"


class StoreUnavailable(SeedlingError):
    """The job store cannot be read or written: a full disk, a folder that is read-only."""

    status, code = 503, "store_unavailable"
    headers = MappingProxyType({"Retry-After": "5"})


class ClientGone(SeedlingError):
    """The caller hung up before its turn came; nobody reads this answer, but the log shows it (nginx's 499)."""

    status, code = 499, "client_gone"


class FaultyField(BaseModel):
    """One field that was refused."""

    field: str = Field(description="Where it is, as in `query.scale` or `body.keyframes.0.seed`.")
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "-1 is a number, but a numeric seed is an integer in 0..4294967295. Choose one, or a text.",
                    "code": "seed_invalid",
                }
            ]
        }
    )

    type: str = Field(default="about:blank", description="Always about:blank: `code` tells what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong, and what to do about it.")
    code: str = Field(description="Stable name of the kind of problem.")
    errors: list[FaultyField] | None = Field(default=None, description="The fields at fault, where it is about fields.")


_TITLES = {413: "Content Too Large", 422: "Unprocessable Content", 499: "Client Closed Request"}
"""Where RFC 9110 and Python 3.11 disagree, and where the RFC is silent."""
MAX_FAULTS = 20


def title_of(status: int) -> str:
    """A status in words."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FaultyField] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build the one shape that errors have."""
    body = Problem(title=title_of(status), status=status, detail=detail, code=code, errors=errors)
    return JSONResponse(body.model_dump(exclude_none=True), status, media_type=MEDIA_TYPE, headers=headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What to declare in OpenAPI for a route that answers with these error statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": title_of(status), "content": {MEDIA_TYPE: {"schema": schema}}} for status in (*statuses, 500)
    }


_HTTP_REMEDIES = {
    400: ("malformed_body", "The body cannot be read. Send one JSON object, as /docs shows."),
    404: ("not_found", "There is nothing at {path}. See /docs for all addresses."),
    405: ("method_not_allowed", "{method} is not understood at {path}. Use {allow}."),
}


def respond(error: SeedlingError) -> JSONResponse:
    """How an error of ours is told."""
    return problem(error.status, error.code, str(error), headers=dict(error.headers))


async def _on_seedling(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SeedlingError)  # noqa: S101 - for the type checker: registered for this class only
    return respond(error)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    code, remedy = _HTTP_REMEDIES.get(error.status_code, ("http_error", "{detail}"))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(request))
    detail = remedy.format(
        path=request.url.path, method=request.method, allow=headers.get("Allow", "another method"), detail=error.detail
    )
    return problem(error.status_code, code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """All methods that some route understands at this path; Starlette names only those of the first route."""

    def understood(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    methods = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if understood(method)] or ["GET"]
    return (["HEAD"] if "GET" in methods else []) + methods


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    if found and found[0]["type"] in ("model_attributes_type", "dict_type") and len(found[0]["loc"]) == 1:
        detail = "The body is not a JSON object. Send one, with Content-Type: application/json."
        return problem(422, InvalidRequest.code, detail)
    faults: dict[str, list[str]] = {}
    for fault in found[:MAX_FAULTS]:
        faults.setdefault(_field_of(fault["loc"], extra=fault["type"] == "extra_forbidden"), []).append(fault["msg"])
    listed = [FaultyField(field=field, message="; or: ".join(messages)) for field, messages in faults.items()]
    more = f" ({len(listed) - 1} more in `errors`)" if len(listed) > 1 else ""
    detail = f"{listed[0].field}: {listed[0].message}{more}. See /docs for what is accepted."
    return problem(422, InvalidRequest.code, detail, errors=listed)


_FIELD = re.compile(r"[a-z_][a-z0-9_]*")


def _field_of(location: Sequence[int | str], *, extra: bool) -> str:
    """Where a fault is, as `body.keyframes.0.seed`: without the names that pydantic gives to the members of a union."""
    *outer, last = location
    kept = [str(part) for part in outer if isinstance(part, int) or _is_field(part)]
    if extra or isinstance(last, int) or _is_field(last):
        kept.append(str(last)[:80])
    return ".".join(kept)


def _is_field(part: str) -> bool:
    return bool(_FIELD.fullmatch(part)) and part not in ("int", "str", "float", "bool")


async def _on_anything(request: Request, error: Exception) -> JSONResponse:
    logger.error("unhandled error in %s %s", request.method, request.url.path, exc_info=error)
    detail = "The service failed to answer. Nothing is wrong with the request; the operator finds the reason in the log."
    return problem(500, SeedlingError.code, detail)


def install(app: FastAPI) -> None:
    """Give an application the one shape for all its errors."""
    app.add_exception_handler(SeedlingError, _on_seedling)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(Exception, _on_anything)
