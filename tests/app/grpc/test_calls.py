"""One client of gRPC cannot take the calls or the memory of the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.grpc import inference_pb2 as pb
from app.http.connections import Bounds
from app.settings import Settings
from tests.live import free_port
from tests.skipping import skip
from tests.waiting import LIMIT_SECONDS

SEED = pb.ModelInferRequest(model_name="digits", inputs=[{"name": "seed", "datatype": "UINT32", "shape": [1]}])
BOUNDS = Bounds(connections=10, per_client=2, body_bytes=0, unsent_bytes=1000, proxies="203.0.113.0/24")


@pytest.fixture(scope="module")
def grpc() -> Any:
    try:
        import grpc.aio
    except ImportError:
        skip("grpcio is missing. Install it: pip install -c constraints.txt '.[grpc]'.")
    return grpc


@pytest.fixture
def _strangers(grpc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat this machine's clients as strangers."""
    monkeypatch.setattr("app.grpc.calls.is_exempt", lambda client, proxies: False)


class Application:
    """Responds with 404 when the test lets it."""

    def __init__(self) -> None:
        self.gate, self.began = asyncio.Event(), 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if "health" not in scope["path"]:
            self.began += 1
            await self.gate.wait()
        body = json.dumps({"detail": "There is none."}).encode()
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while self.began < count:
                await asyncio.sleep(0.01)


class Client:
    """A real client, with one connection."""

    def __init__(self, channel: Any) -> None:
        names = ("ModelInfer", pb.ModelInferRequest, pb.ModelInferResponse)
        self.infer = self._method(channel.unary_unary, *names)
        self.infer_slowly = self._method(channel.stream_unary, *names)
        self.live = self._method(channel.unary_unary, "ServerLive", pb.ServerLiveRequest, pb.ServerLiveResponse)

    @staticmethod
    def _method(kind: Any, name: str, request: Any, response: Any) -> Any:
        path = f"/inference.GRPCInferenceService/{name}"
        return kind(path, request_serializer=request.SerializeToString, response_deserializer=response.FromString)


@asynccontextmanager
async def served(grpc: Any, folder: Path, **settings: Any) -> AsyncIterator[tuple[Application, Client]]:
    from app.grpc.server import serving

    app, port = Application(), free_port()
    async with serving(app, Settings(state=folder, grpc_port=port, shutdown_seconds=1, **settings)):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield app, Client(channel)


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop."""

    def run(grpc: Any, tmp_path: Path) -> None:
        asyncio.run(test(grpc, tmp_path))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def failure(grpc: Any, call: Any) -> tuple[Any, str]:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details()
    raise AssertionError("the call succeeded")


@pytest.mark.usefixtures("_strangers")
@in_loop
async def test_a_client_has_only_so_many_calls_in_progress(grpc: Any, folder: Path) -> None:
    async with served(grpc, folder, max_connections_per_client=2) as (app, client):
        calls = [client.infer(SEED) for _ in range(2)]
        await app.wait_for(2)
        code, details = await failure(grpc, client.infer(SEED))
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert details == "You have 2 calls in progress. Wait for their responses, then call again."
        assert app.began == 2, "the application has not seen it"
        assert not (await client.live(pb.ServerLiveRequest())).live, "a probe gets its response (here 404) nevertheless"
        calls.pop().cancel()
        app.gate.set()
        for call in calls:
            assert (await failure(grpc, call))[0] == grpc.StatusCode.NOT_FOUND
        assert (await failure(grpc, client.infer(SEED)))[0] == grpc.StatusCode.NOT_FOUND, "ended calls do not count"


@in_loop
async def test_clients_on_this_machine_may_have_more_calls_and_a_connection_carries_only_so_many(
    grpc: Any, folder: Path
) -> None:
    from app.grpc.calls import STREAMS

    async with served(grpc, folder, max_connections_per_client=2) as (app, client):
        calls = [client.infer(SEED) for _ in range(STREAMS + 20)]
        await app.wait_for(STREAMS)
        await asyncio.sleep(0.3)
        assert app.began == STREAMS, "the client waits with further ones"
        app.gate.set()
        for call in calls:
            assert (await failure(grpc, call))[0] == grpc.StatusCode.NOT_FOUND
        assert app.began == STREAMS + 20


async def never() -> AsyncIterator[pb.ModelInferRequest]:
    await asyncio.Event().wait()
    yield SEED


@in_loop
async def test_requests_that_do_not_arrive_hold_back_those_of_the_same_client_only(grpc: Any, folder: Path) -> None:
    async with served(grpc, folder, body_memory=1_000_000, max_upload=1024) as (app, client):  # room for two requests
        app.gate.set()
        stalled = client.infer_slowly(never())
        await client.live(pb.ServerLiveRequest())
        waiting = asyncio.ensure_future(failure(grpc, client.infer(SEED)))
        await asyncio.sleep(0.3)
        assert (waiting.done(), app.began) == (False, 0)
        stalled.cancel()
        assert (await waiting)[0] == grpc.StatusCode.NOT_FOUND


def test_a_request_must_arrive_in_time(grpc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grpc.calls.LEAST_PACE", 10**9)

    async def test() -> None:
        async with served(grpc, tmp_path, read_seconds=1) as (app, client):
            code, details = await failure(grpc, client.infer_slowly(never()))
            assert code == grpc.StatusCode.DEADLINE_EXCEEDED
            assert details == "The request did not arrive within 1 s. Send it faster."
            assert app.began == 0

    asyncio.run(test())


def test_other_clients_have_the_other_half_of_the_memory_for_requests(grpc: Any) -> None:
    from app.grpc.calls import Calls

    async def test() -> None:
        calls, arrived, received = Calls(BOUNDS, 15), asyncio.Event(), []

        async def read() -> bytes:
            await arrived.wait()
            return b"request"

        async def receive(client: str) -> None:
            async with calls.receive(client, read) as request:
                received.append((client, request))

        async with asyncio.TaskGroup() as tasks:
            for client in ("198.51.100.1", "198.51.100.1", "198.51.100.2"):
                tasks.create_task(receive(client))
            await asyncio.sleep(0.1)
            assert sorted(calls._requests) == ["198.51.100.1", "198.51.100.2"]
            assert len(set(calls._requests.values())) == 1, "one request of each has room"
            arrived.set()
        assert [client for client, _ in received].count("198.51.100.1") == 2
        assert calls._requests.total() == 0

    asyncio.run(test())


def test_a_client_that_does_not_read_gets_no_further_large_response(grpc: Any) -> None:
    from app.grpc.calls import Calls

    class Context:
        def add_done_callback(self, callback: Any) -> None:
            self.end = callback

    async def test() -> None:
        calls, first, second = Calls(BOUNDS, 15), Context(), Context()
        calls.hold("2001:db8::1", first, 251)
        assert not calls.has_memory("2001:db8::2"), "the same network"
        assert calls.has_memory("203.0.113.7")
        calls.hold("203.0.113.7", second, 250)
        assert not calls.has_memory("198.51.100.1"), "all together have more than half"
        first.end(first)
        assert calls.has_memory("2001:db8::2")
        second.end(second)
        assert calls._responses == {}

    asyncio.run(test())


@pytest.mark.parametrize(
    ("client", "exempt"), [("127.0.0.1", True), ("::1", True), ("203.0.113.9", True), ("198.51.100.1", False)]
)
def test_this_machine_and_trusted_proxies_are_exempt(grpc: Any, client: str, exempt: bool) -> None:
    from app.grpc.calls import Calls, TooManyCalls

    async def test() -> None:
        calls = Calls(BOUNDS, 15)
        with calls.admit(client), calls.admit(client):
            if exempt:
                with calls.admit(client):
                    return
            with pytest.raises(TooManyCalls), calls.admit(client):
                pass

    asyncio.run(test())
