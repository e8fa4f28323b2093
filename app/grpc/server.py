"""The gRPC server, in the event loop of a worker.

Each call becomes a request to the REST routes in the same process, through the same middleware. So rate limits, size limits,
metrics, traces, the access log and the batches are the same for both protocols, and there is one implementation to test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, unquote

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Scope

from app.api.inference.tensors import JSON_LENGTH
from app.asgi_scope import CONNECTIONS, INFERENCE
from app.errors import InvalidRequest
from app.grpc import inference_pb2 as pb
from app.grpc import messages
from app.grpc.calls import Calls, SlowRequest, TooManyCalls, options_of
from app.http.server import bounds
from app.settings import Settings

PROBES = ("ServerLive", "ServerReady")
PROPAGATED = ("traceparent", "tracestate")
_CODES = {
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}


class Context(Protocol):
    """What is used of a call (`grpc.aio.ServicerContext`, which has no types)."""

    def peer(self) -> str:
        """Return the address of the client."""

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]] | None:
        """Return the metadata that the client sent."""

    def set_trailing_metadata(self, trailing_metadata: Sequence[tuple[str, str]]) -> None:
        """Set the metadata that follow the response."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call a function when the call has ended."""

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """End the call with an error."""


@dataclass(frozen=True)
class Answer:
    """The response of a route."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class InferenceService:
    """The calls of the protocol.

    Args:
        app: the application with its middleware.
        host: a name of the service that the middleware accepts. gRPC does not pass on the one that the client used.
        calls: bounds what one client may do.
    """

    def __init__(self, app: ASGIApp, host: str, calls: Calls) -> None:
        self._app, self._host, self._calls = app, host, calls

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handler of the service `inference.GRPCInferenceService`."""
        calls: dict[str, tuple[Callable[[Any, Context], Awaitable[Any]], Any, Any]] = {
            "ServerLive": (self.server_live, pb.ServerLiveRequest, pb.ServerLiveResponse),
            "ServerReady": (self.server_ready, pb.ServerReadyRequest, pb.ServerReadyResponse),
            "ModelReady": (self.model_ready, pb.ModelReadyRequest, pb.ModelReadyResponse),
            "ServerMetadata": (self.server_metadata, pb.ServerMetadataRequest, pb.ServerMetadataResponse),
            "ModelMetadata": (self.model_metadata, pb.ModelMetadataRequest, pb.ModelMetadataResponse),
            "ModelInfer": (self.model_infer, pb.ModelInferRequest, pb.ModelInferResponse),
        }
        # On the wire, a call with one message is a stream of one. As a stream, it is not received before it is admitted.
        handlers = {
            name: grpc.stream_unary_rpc_method_handler(
                self._bounded(call, request.FromString, is_probe=name in PROBES),
                response_serializer=response.SerializeToString,
            )
            for name, (call, request, response) in calls.items()
        }
        return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)

    def _bounded(
        self, call: Callable[[Any, Context], Awaitable[Any]], parse: Callable[[bytes], Any], *, is_probe: bool
    ) -> Callable[[AsyncIterator[bytes], Context], Awaitable[Any]]:
        """Return a handler that admits a call before it receives the request. Probes are always admitted, as over HTTP."""

        async def handle(requests: AsyncIterator[bytes], context: Context) -> Any:  # noqa: ANN401 - a message
            async def read() -> bytes:
                return await anext(aiter(requests))

            client = _address(context)
            try:
                if is_probe:
                    return await call(parse(await read()), context)
                with self._calls.admit(client):
                    async with self._calls.receive(client, read) as request:
                        return await call(parse(request), context)
            except TooManyCalls as error:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
            except SlowRequest as error:
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
            except (StopAsyncIteration, DecodeError):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request is not a message of the protocol. Send one.")

        return handle

    async def server_live(self, request: pb.ServerLiveRequest, context: Context) -> pb.ServerLiveResponse:
        """Respond as `GET /v2/health/live`."""
        return pb.ServerLiveResponse(live=(await self._request(context, "GET", "/health/live")).status == 200)

    async def server_ready(self, request: pb.ServerReadyRequest, context: Context) -> pb.ServerReadyResponse:
        """Respond as `GET /v2/health/ready`."""
        return pb.ServerReadyResponse(ready=(await self._request(context, "GET", "/health/ready")).status == 200)

    async def model_ready(self, request: pb.ModelReadyRequest, context: Context) -> pb.ModelReadyResponse:
        """Respond as `GET /v2/models/{name}/ready`. An unknown version is an error; a refused one is not ready."""
        answer = await self._request(context, "GET", _path(request.name, request.version, "/ready"))
        if answer.status not in (200, 503):
            await _fail(context, answer)
        return pb.ModelReadyResponse(ready=answer.status == 200)

    async def server_metadata(self, request: pb.ServerMetadataRequest, context: Context) -> pb.ServerMetadataResponse:
        """Respond as `GET /v2`."""
        return pb.ServerMetadataResponse(**json.loads(await self._content(context, "")))

    async def model_metadata(self, request: pb.ModelMetadataRequest, context: Context) -> pb.ModelMetadataResponse:
        """Respond as `GET /v2/models/{name}`."""
        return messages.model_metadata(json.loads(await self._content(context, _path(request.name, request.version))))

    async def model_infer(self, request: pb.ModelInferRequest, context: Context) -> pb.ModelInferResponse:
        """Respond as `POST /v2/models/{name}/infer`."""
        try:
            body, length = messages.infer_body(request)
        except InvalidRequest as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        path = _path(request.model_name, request.model_version, "/infer")
        answer = await self._request(context, "POST", path, body, {JSON_LENGTH.lower(): str(length)})
        if answer.status != 200:
            await _fail(context, answer)
        self._calls.hold(_address(context), context, len(answer.body))
        return messages.infer_response(answer.body, int(answer.headers[JSON_LENGTH.lower()]))

    async def _content(self, context: Context, path: str) -> bytes:
        answer = await self._request(context, "GET", path)
        if answer.status != 200:
            await _fail(context, answer)
        return answer.body

    async def _request(
        self, context: Context, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request to the application. If the call is cancelled, so is the request."""
        sent = {"host": self._host, "content-length": str(len(body)), **(headers or {})}
        sent |= {str(key): str(value) for key, value in context.invocation_metadata() or () if key in PROPAGATED}
        scope: Scope = {
            **{"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "2", "scheme": "http"},
            **{"method": method, "path": INFERENCE + path, "raw_path": quote(INFERENCE + path).encode(), "query_string": b""},
            **{"root_path": "", "client": client_of(context.peer()), "server": None, "state": {}, CONNECTIONS: self._calls},
            "headers": [
                (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in sent.items()
            ],
        }
        received: list[Message] = []
        parts = [body]

        async def receive() -> Message:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await asyncio.Event().wait()  # until the request ends
            raise AssertionError("unreachable")

        async def send(message: Message) -> None:
            received.append(message)

        with contextlib.suppress(Exception):  # the application has logged it, and responded with 500
            await self._app(scope, receive, send)
        if not received:
            return Answer(500, {}, b"{}")
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in received[0]["headers"]}
        context.set_trailing_metadata((("x-request-id", found.get("x-request-id", "")),))
        return Answer(received[0]["status"], found, b"".join(message.get("body", b"") for message in received[1:]))


def _address(context: Context) -> str:
    return (client_of(context.peer()) or ("", 0))[0]


def _path(name: str, version: str, rest: str = "") -> str:
    return f"/models/{name}/versions/{version}{rest}" if version else f"/models/{name}{rest}"


async def _fail(context: Context, answer: Answer) -> NoReturn:
    """End a call with the error of a response."""
    detail = json.loads(answer.body).get("detail", "The service failed because of an internal error. Ask the operator.")
    await context.abort(_CODES.get(answer.status, grpc.StatusCode.UNKNOWN), detail)


def client_of(peer: str) -> tuple[str, int] | None:
    """Return the address of a client, which gRPC writes as `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`."""
    kind, _, address = unquote(peer).partition(":")
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if kind in ("ipv4", "ipv6") and port.isdigit() else None


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, settings: Settings) -> AsyncIterator[None]:
    """Serve gRPC on `GAN_GRPC_PORT` until the end of the block.

    Args:
        app: the application with its middleware.
        settings: the settings.

    Raises:
        RuntimeError: the port cannot be bound.
    """
    known = settings.known_hosts
    host = ("grpc" + known[0] if known[0].startswith(".") else known[0]) if known else "localhost"
    server = grpc.aio.server(
        maximum_concurrent_rpcs=settings.max_connections,
        options=options_of(settings),
    )
    calls = Calls(bounds(settings), settings.read_seconds)
    server.add_generic_rpc_handlers((InferenceService(app, host, calls).handler(),))
    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        server.add_insecure_port(f"{address}:{settings.grpc_port}")
    except RuntimeError as error:
        raise RuntimeError(
            f"gRPC cannot be served at {address}:{settings.grpc_port} ({error}). Set GAN_GRPC_PORT to a free port."
        ) from error
    await server.start()
    try:
        yield
    finally:
        await server.stop(settings.shutdown_seconds)
