"""gRPC gives the same pictures as `/generate`, through the same middleware."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.grpc import inference_pb2 as pb
from app.main import create_server
from tests.app.api.inference.foreign import call
from tests.app.reading import array, pixels
from tests.live import SHIPPED, Service, free_port, service
from tests.skipping import skip
from tests.waiting import attempts

SEED_42 = {"name": "seed", "datatype": "UINT32", "shape": [1], "contents": {"uint_contents": [42]}}


@pytest.fixture(scope="module")
def grpc() -> Any:
    try:
        import grpc
    except ImportError:
        skip("grpcio is missing. Install it: pip install -c constraints.txt '.[grpc]'.")
    return grpc


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(grpc: Any, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"grpc_port": port, "answer_memory": 1_000_000, "forked": False}
    with service(tmp_path_factory.mktemp("grpc") / "state", **settings) as running:
        yield running


@pytest.fixture
def infer(grpc: Any, server: Service, port: int) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )


def test_tritonclient_gets_the_picture_of_a_seed(server: Service, port: int) -> None:
    found = call("call_triton_grpc.py", f"127.0.0.1:{port}")
    with server.client() as client:
        seed_42 = pixels(client.get("/generate", params={"seed": 42}).content).tolist()
        labelled = pixels(client.get("/generate", params={"seed": 42, "label": 7, "psi": 0.5}).content).tolist()
        many = array(client.get("/generate", params={"seeds": "0-99", "format": "npy"}).content).tolist()
        described = client.get("/v2/models/digits").json()
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    assert (found["server"]["name"], found["server"]["version"]) == ("seedling", __version__)
    names = [tensor["name"] for tensor in described["inputs"]]
    assert [tensor["name"] for tensor in found["metadata"]["inputs"]] == names
    assert found["picture"] == found["text"] == [seed_42]
    assert found["typed"] == [labelled]
    assert found["many"] == many
    assert found["unknown"].startswith("StatusCode.NOT_FOUND There is no model 'nothing'.")
    assert found["invalid"].startswith("StatusCode.INVALID_ARGUMENT The input seed cannot be of the datatype FP32.")
    assert found["too_much"].startswith("StatusCode.INVALID_ARGUMENT The limit is 4096 pictures per request.")
    assert found["too_large"].startswith("StatusCode.RESOURCE_EXHAUSTED")


def test_a_call_is_traced_counted_and_logged_like_a_request(server: Service, infer: Any) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"),)
    response, done = infer.with_call(pb.ModelInferRequest(model_name="digits", inputs=[SEED_42]), metadata=metadata)
    assert (response.model_name, response.model_version) == ("digits", "1")
    assert dict(done.trailing_metadata())["x-request-id"] == trace
    with server.client() as client:
        token = (server.log.parent / "state" / "admin-token").read_text().strip()
        labels = 'method="POST",model="digits/1",route="/v2/models/{name}/infer",status="200"'
        counted = f"seedling_request_duration_seconds_count{{{labels}}}"
        for _ in attempts(0.1):  # calls are counted after their response
            figures = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
            if counted in figures:
                break
    assert counted in figures
    assert 'seedling_pictures_total{model="digits/1"}' in figures


def test_responses_that_were_read_do_not_count_against_the_memory(infer: Any) -> None:
    seeds = {"name": "seed", "datatype": "UINT32", "shape": [700], "contents": {"uint_contents": range(700)}}
    for _ in range(3):  # each response has more than half of GAN_ANSWER_MEMORY, with which no further one would begin
        response = infer(pb.ModelInferRequest(model_name="digits", inputs=[seeds]))
        assert len(response.raw_output_contents[0]) == 700 * 28 * 28


def test_a_cancelled_call_does_not_disturb_others(grpc: Any, infer: Any) -> None:
    large = {"name": "seed", "datatype": "UINT32", "shape": [4096], "contents": {"uint_contents": range(4096)}}
    pending = infer.future(pb.ModelInferRequest(model_name="digits", inputs=[large]))
    pending.cancel()
    with pytest.raises(grpc.FutureCancelledError):
        pending.result()
    assert infer(pb.ModelInferRequest(model_name="digits", inputs=[SEED_42])).outputs[0].shape == [1, 28, 28]


def test_a_port_that_is_in_use_is_named_with_the_remedy(grpc: Any, server: Service, port: int, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Set GAN_GRPC_PORT to a free port"):
        with service(tmp_path / "state", grpc_port=port):
            pass


def test_several_workers_share_the_port(grpc: Any, tmp_path: Path) -> None:
    port = free_port()
    settings = {"grpc_port": port, "workers": 2, "hosts": ".example.org"}
    with service(tmp_path / "state", **settings) as running, running.client() as client:
        expected = pixels(client.get("/generate?seed=42", headers={"Host": "a.example.org"}).content)
        for _ in range(8):
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                infer = channel.unary_unary(
                    "/inference.GRPCInferenceService/ModelInfer",
                    request_serializer=pb.ModelInferRequest.SerializeToString,
                    response_deserializer=pb.ModelInferResponse.FromString,
                )
                request = pb.ModelInferRequest(model_name="digits", inputs=[SEED_42])
                assert infer(request, wait_for_ready=True, timeout=60).raw_output_contents[0] == expected.tobytes()


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("ipv4:203.0.113.7:5000", ("203.0.113.7", 5000)),
        ("ipv6:%5B2001:db8::1%5D:5000", ("2001:db8::1", 5000)),
        ("unix:/tmp/socket", None),
    ],
)
def test_the_rate_limit_sees_the_address_of_the_client(grpc: Any, peer: str, client: tuple[str, int] | None) -> None:
    from app.grpc.server import client_of

    assert client_of(peer) == client


def test_without_the_extra_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STATE", str(tmp_path))
    monkeypatch.setenv("GAN_SHIPPED", str(SHIPPED))
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.delitem(sys.modules, "app.grpc.server", raising=False)
    create_server()
    monkeypatch.setenv("GAN_GRPC_PORT", "8001")
    with pytest.raises(ImportError, match=r"pip install -c constraints.txt '.\[grpc\]'"):
        create_server()
