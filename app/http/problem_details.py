"""Error responses: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.asgi_scope import is_inference
from app.errors import InvalidRequest, SeedlingError

logger = logging.getLogger("seedling")
MEDIA_TYPE = "application/problem+json"


class FaultyField(BaseModel):
    """A field that was rejected."""

    field: str = Field(description="Location of the field, such as `query.scale` or `body.keyframes.0.seed`.")
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
                    "detail": "-1 is a number, but a numeric seed must be an integer in 0..4294967295. "
                    "Choose one, or use a text.",
                    "code": "seed_invalid",
                }
            ]
        }
    )

    type: str = Field(default="about:blank", description="Always about:blank; `code` identifies the kind of problem.")
    title: str = Field(description="Name of the status.")
    status: int
    detail: str = Field(description="What is wrong and how to fix it.")
    code: str = Field(description="Stable identifier of the kind of problem.")
    errors: list[FaultyField] | None = Field(default=None, description="The invalid fields, if any.")
    error: str | None = Field(
        default=None, description="The detail again, below /v2 only: clients of the Open Inference Protocol look for it here."
    )


_TITLES = {413: "Content Too Large", 422: "Unprocessable Content", 460: "Checksum Mismatch", 499: "Client Closed Request"}
"""Titles that differ between RFC 9110 and Python 3.11, or that the RFC does not define."""
MAX_FAULTS = 20


def title_of(status: int) -> str:
    """Return the reason phrase of a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


class ProblemResponse(JSONResponse):
    """A problem details response. Below /v2 it has the member `error`, which the Open Inference Protocol requires.

    The member is added when the response is sent, because rate limits and size limits refuse requests before any route.

    Args:
        body: the problem details.
        status: the status code.
        headers: further headers.
    """

    media_type = MEDIA_TYPE

    def __init__(self, body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(body, status, headers)
        self._content = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_inference(scope):
            self.body = self.render({**self._content, "error": self._content["detail"]})
            self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FaultyField] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Build a problem details response (RFC 9457)."""
    body = Problem(title=title_of(status), status=status, detail=detail, code=code, errors=errors)
    return ProblemResponse(body.model_dump(exclude_none=True), status, headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare error responses for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": title_of(status), "content": {MEDIA_TYPE: {"schema": schema}}} for status in (*statuses, 500)
    }


_HTTP_REMEDIES = {
    400: ("malformed_body", "The body cannot be read. Send one JSON object, as /docs shows."),
    404: ("not_found", "There is nothing at {path}. See /docs for all addresses."),
    405: ("method_not_allowed", "{method} is not allowed at {path}. Use {allow}."),
}


def respond(error: SeedlingError) -> JSONResponse:
    """Turn a SeedlingError into a response."""
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
    if error.status_code == 404:
        headers["Vary"] = "Accept"  # a browser gets a page
    return problem(error.status_code, code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """Return the methods of all routes at this path. Starlette lists only those of the first route."""

    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    methods = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if is_allowed(method)] or ["GET"]
    return (["HEAD"] if "GET" in methods else []) + methods


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    if found and found[0]["type"] in ("model_attributes_type", "dict_type") and len(found[0]["loc"]) == 1:
        detail = "The body is not a JSON object. Send one, with Content-Type: application/json."
        return problem(422, InvalidRequest.code, detail)
    faults: dict[str, list[str]] = {}
    for fault in found[:MAX_FAULTS]:
        extra = fault["type"] == "extra_forbidden"
        message = _unknown(request, fault["loc"]) if extra else fault["msg"]
        faults.setdefault(_field_of(fault["loc"], extra=extra), []).append(message)
    listed = [FaultyField(field=field, message="; or: ".join(messages)) for field, messages in faults.items()]
    more = f" ({len(listed) - 1} more in `errors`)" if len(listed) > 1 else ""
    first = listed[0].message
    end = "" if first.endswith("?") and not more else "."
    detail = f"{listed[0].field}: {first}{more}{end} See /docs for what is accepted."
    return problem(422, InvalidRequest.code, detail, errors=listed)


def invalid_body(error: ValidationError) -> RequestValidationError:
    """Return the error for a JSON body that does not fit a pydantic model, like that for the bodies that FastAPI reads."""
    return RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)])


def _unknown(request: Request, location: Sequence[int | str]) -> str:
    """Return the message for a field that does not exist, with the query parameter that was probably meant."""
    if location[0] != "query":
        return "There is no such field"
    route = request.scope.get("route")
    names = _query_parameters(route.dependant) if isinstance(route, APIRoute) else []
    close = difflib.get_close_matches(str(location[-1])[:80], names, n=1)
    return "There is no such parameter" + (f". Did you mean {close[0]}?" if close else "")


def _query_parameters(dependant: Dependant) -> list[str]:
    """Return the names of the query parameters of a route. A pydantic model stands for its fields."""
    names: list[str] = []
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += [field.alias or name for name, field in model.model_fields.items()]
        else:
            names.append(parameter.alias)
    return names + [name for inner in dependant.dependencies for name in _query_parameters(inner)]


_FIELD = re.compile(r"[a-z_][a-z0-9_]*")


def _field_of(location: Sequence[int | str], *, extra: bool) -> str:
    """Format the location of a fault as `body.keyframes.0.seed`, without pydantic's names of union members."""
    *outer, last = location
    kept = [str(part) for part in outer if isinstance(part, int) or _is_field(part)]
    if extra or isinstance(last, int) or _is_field(last):
        kept.append(str(last)[:80])
    return ".".join(kept)


def _is_field(part: str) -> bool:
    return bool(_FIELD.fullmatch(part)) and part not in ("int", "str", "float", "bool")


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """Respond with 500 to an unexpected exception, and log the traceback."""
    logger.error("unhandled error in %s %s", request.method, request.url.path, exc_info=error)
    detail = "The service failed because of an internal error. Ask the operator to look up the reason in the log."
    return problem(500, SeedlingError.code, detail)


async def _on_anything(request: Request, error: Exception) -> JSONResponse:
    return unexpected(request, error)


def install(app: FastAPI) -> None:
    """Register the error handlers."""
    app.add_exception_handler(SeedlingError, _on_seedling)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(Exception, _on_anything)
