"""The exception tree and its one shape on the wire: `application/problem+json` (RFC 9457).

    SeedlingError
    ├── InvalidRequest          422  a parameter is not what it should be
    │   ├── SeedInvalid         422  not a seed, or a numeral that is no integer in range
    │   ├── LabelInvalid        422  no such class, or no classes at all
    │   ├── LatentInvalid       422  an explicit z of the wrong length, or beyond what floats hold
    │   └── TooMuch             422  more pictures, frames or pixels than one call may ask for
    ├── BodyTooLarge            413
    ├── NotFound                404  no such model, version or page
    └── VersionUnusable         503  a version that is not what its manifest says, or none at all

Every message ends with the remedy.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
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
    """An explicit z has another length than the model's z_dim, or a number that is not finite."""

    code = "latent_invalid"


class TooMuch(InvalidRequest):
    """More pictures, frames or pixels than one call may ask for."""

    code = "too_much"


class BodyTooLarge(SeedlingError):
    """The body is longer than the bound."""

    status, code = 413, "body_too_large"


class NotFound(SeedlingError):
    """There is no such model, version or page."""

    status, code = 404, "not_found"


class VersionUnusable(SeedlingError):
    """The version is not what its manifest says, or no version can be served at all."""

    status, code = 503, "version_unusable"


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


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FaultyField] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build the one shape that errors have."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=errors)
    return JSONResponse(body.model_dump(exclude_none=True), status, media_type=MEDIA_TYPE, headers=headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What to declare in OpenAPI for a route that answers with these error statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


_HTTP_REMEDIES = {
    400: ("malformed_body", "The body cannot be read. Send one JSON object, as /docs shows."),
    404: ("not_found", "There is nothing at {path}. See /docs for all addresses."),
    405: ("method_not_allowed", "{method} is not understood at {path}. Use {allow}."),
}


async def _on_seedling(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SeedlingError)  # noqa: S101 - for the type checker: registered for this class only
    return problem(error.status, error.code, str(error))


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

    methods = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if understood(method)]
    return (["HEAD"] if "GET" in methods else []) + methods


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [FaultyField(field=".".join(str(part) for part in e["loc"]), message=e["msg"]) for e in error.errors()]
    first = faults[0]
    more = f" ({len(faults) - 1} more in `errors`)" if len(faults) > 1 else ""
    detail = f"{first.field}: {first.message}{more}. See /docs for what is accepted."
    return problem(422, InvalidRequest.code, detail, errors=faults)


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
