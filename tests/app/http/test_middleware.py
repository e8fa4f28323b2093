"""The middleware: tracing, logging, metrics, rate limits, host names and response headers."""

from __future__ import annotations

import json
import os
import re
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Scope

from app.http import rate_limits
from app.http.middleware import RateLimits
from app.http.rate_limits import TokenBuckets
from app.observability.metrics import FOLDER, NAMES, AllFigures
from app.observability.tracing import take_over
from tests import fresh
from tests.forked import run
from tests.live import Service, environment, free_port, service
from tests.waiting import attempts

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
VIEWER = "a-token-for-a-viewer"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: Samples, name: str, **labels: str) -> float:
    return sum(value for (n, own), value in found.items() if n == name and labels.items() <= dict(own).items())


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service with two workers that logs JSON, and the URL of its metrics."""
    port = free_port()
    viewers = json.dumps({"prometheus": VIEWER})
    state = tmp_path_factory.mktemp("metered") / "state"
    settings = {"workers": 2, "log_format": "json", "metrics_port": port, "viewer_tokens": viewers, "embedded_worker": False}
    with service(state, **settings) as running:
        yield running, f"http://127.0.0.1:{port}/metrics"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with its own host name, behind a proxy, with a rate limit and one allowed origin."""
    names = {"hosts": "pictures.example,.test.example", "cors_origins": "https://partner.example"}
    rate = {"rate_limit": 2, "rate_burst": 2, "trusted_proxies": "127.0.0.1"}  # so that tests can choose the client's address
    with service(tmp_path_factory.mktemp("proxied") / "state", **names, **rate) as running:
        yield running


def get(running: Service, path: str, client: str | None = None, **headers: str) -> httpx.Response:
    sent = {"Host": "pictures.example", **headers} | ({"X-Forwarded-For": client} if client else {})
    return fresh.get(running.url + path, headers=sent)


# Tracing and logging.


@pytest.mark.parametrize(
    "invalid",
    [None, b"", b"junk", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"ff" + TRACEPARENT[2:].encode(), b"0" * 10_000],
)
def test_a_valid_trace_is_continued_and_otherwise_a_new_one_starts(invalid: bytes | None) -> None:
    continued = take_over(TRACEPARENT.encode())
    assert continued.trace_id == TRACE
    assert re.fullmatch("[0-9a-f]{16}", continued.span_id)
    assert continued.span_id != PARENT
    assert take_over(TRACEPARENT.replace("00-", "01-", 1).encode() + b"-later").trace_id == TRACE
    new = take_over(invalid)
    assert re.fullmatch("[0-9a-f]{32}", new.trace_id)
    assert new != take_over(invalid)


def find_log_line(running: Service, **fields: object) -> dict[str, object]:
    """Return the log line with these fields. The service writes it after it has sent the response."""
    for _ in attempts(0.05):
        for line in running.log.read_text().splitlines():
            found = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if fields.items() <= found.items():
                return found
    raise AssertionError(f"no log line has the fields {fields}")


def test_each_request_is_logged_as_json_with_its_trace(metered: tuple[Service, str]) -> None:
    running, _ = metered
    response = fresh.get(f"{running.url}/generate?seed=42&label=7", headers={"traceparent": TRACEPARENT})
    assert response.headers["x-request-id"] == TRACE
    other = fresh.get(f"{running.url}/generate?seed=-1")
    assert other.status_code == 422
    assert other.headers["x-request-id"] != TRACE
    mine = find_log_line(running, logger="seedling.access", trace_id=TRACE)
    assert (mine["method"], mine["target"], mine["status"]) == ("GET", "/generate?seed=42&label=7", 200)
    assert mine["client"] == "127.0.0.1"
    assert 0 < float(str(mine["seconds"])) < 60
    assert find_log_line(running, logger="seedling.access", trace_id=other.headers["x-request-id"])["status"] == 422


def test_every_log_line_is_json_and_messages_about_a_request_have_its_trace(metered: tuple[Service, str]) -> None:
    running, _ = metered
    secret = "a-wrong-token-that-must-not-leak"
    headers = {"Authorization": f"Bearer {secret}", "traceparent": TRACEPARENT.replace("4bf9", "5bf9")}
    assert fresh.get(f"{running.url}/admin/jobs", headers=headers).status_code == 401
    fresh.get(f"{running.url}/generate?seed=%0d%0aINFO:%20forged")
    log = running.log.read_text()
    assert secret not in log
    for line in log.splitlines():
        if not line.startswith("Admin token: in"):
            assert {"level", "logger", "message", "time"} <= json.loads(line).keys(), line
    assert "Invalid admin token" in str(
        find_log_line(running, level="WARNING", trace_id=TRACE.replace("4bf9", "5bf9"))["message"]
    )


def test_spans_are_sent_to_the_configured_opentelemetry_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the tests' output free of request logs."""

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    with service(tmp_path / "state", embedded_worker=False) as running:
        response = fresh.get(f"{running.url}/generate?seed=42", headers={"traceparent": TRACEPARENT})
        assert response.headers["x-request-id"] == TRACE
        assert fresh.get(f"{running.url}/models/nothing").status_code == 404
    collector.shutdown()
    collector.server_close()
    spans = [
        span
        for body in received
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]
    drawn = next(span for span in spans if span.name == "GET /generate")
    assert (drawn.trace_id.hex(), drawn.parent_span_id.hex()) == (TRACE, PARENT)
    attributes = {attribute.key: attribute.value for attribute in drawn.attributes}
    assert (attributes["http.response.status_code"].int_value, attributes["seedling.model"].string_value) == (200, "digits/1")
    assert any(span.name == "GET /models/{name}" for span in spans)


# Metrics.


def test_metrics_are_summed_over_all_workers(metered: tuple[Service, str]) -> None:
    running, url = metered
    before = samples(fresh.get(url).text)
    count, served = "seedling_request_duration_seconds_count", {"route": "/generate", "status": "200", "model": "digits/1"}
    for seed in range(40):  # each on a new connection, so that both workers get some
        assert fresh.get(f"{running.url}/generate?seed={1000 + seed}").status_code == 200
    assert fresh.get(f"{running.url}/generate?seeds=5000-5099&format=npy").status_code == 200
    assert fresh.get(f"{running.url}/generate?seed=-1").status_code == 422
    assert fresh.head(f"{running.url}/models/digits").status_code == 200
    assert fresh.post(f"{running.url}/interpolate", json={"keyframes": [1, 2], "steps": 5}).status_code == 200
    for _ in attempts(0.1):  # requests are counted after their response
        after = samples(fresh.get(url).text)
        if total(after, count) - total(before, count) >= 40 + 4:
            break
    assert total(after, count, **served) - total(before, count, **served) == 41
    assert total(after, count, route="/generate", status="422") - total(before, count, route="/generate", status="422") == 1
    assert total(after, count, route="/models/{name}", method="HEAD") == 1
    assert total(after, count, route="/interpolate", method="POST") == 1
    pictures = "seedling_pictures_total"
    assert total(after, pictures, model="digits/1") - total(before, pictures, model="digits/1") == 40 + 100 + 5
    assert total(after, "seedling_workers") == 2
    assert total(after, "seedling_champion_version", model="digits") == 1
    assert total(after, "seedling_jobs", state="queued") == 0
    assert total(after, "seedling_database_up") == 1


def test_the_exported_metrics_are_exactly_the_declared_ones(metered: tuple[Service, str]) -> None:
    _, url = metered
    text = fresh.get(url).text
    names = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name, _ in samples(text)}
    assert names == NAMES
    for name in NAMES:
        assert f"# HELP {name} " in text or f"# HELP {name.removesuffix('_total')} " in text


def test_a_killed_worker_leaves_only_its_counts(tmp_path: Path) -> None:
    port = free_port()
    with service(tmp_path / "state", workers=2, metrics_port=port, embedded_worker=False) as running:
        url = f"http://127.0.0.1:{port}/metrics"
        for seed in range(20):
            fresh.get(f"{running.url}/generate?seed={seed}")
        victim = next(p for p in psutil.Process(running.process.pid).children() if "spawn_main" in " ".join(p.cmdline()))
        victim.kill()
        for _ in attempts(0.1):
            found = samples(fresh.get(url).text)
            if total(found, "seedling_workers") == 2 and not victim.is_running():
                break
        assert total(found, "seedling_workers") == 2, "the killed worker was replaced"
        assert total(found, "seedling_request_duration_seconds_count", route="/generate") == 20


def test_metrics_can_be_read_while_a_worker_creates_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """prometheus_client creates a file empty, then sets its size."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    (tmp_path / "counter_99999.db").touch()
    timer = threading.Timer(0.02, lambda: os.truncate(tmp_path / "counter_99999.db", 1 << 20))
    timer.start()
    assert list(AllFigures().collect()) == []
    timer.join()
    (tmp_path / "counter_99998.db").touch()
    with pytest.raises(struct.error):
        list(AllFigures().collect())


def test_metrics_at_the_service_port_need_a_token(metered: tuple[Service, str]) -> None:
    running, _ = metered
    rejected = fresh.get(f"{running.url}/metrics")
    assert (rejected.status_code, rejected.json()["code"]) == (401, "token_missing")
    allowed = fresh.get(f"{running.url}/metrics", headers={"Authorization": f"Bearer {VIEWER}"})
    assert allowed.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert total(samples(allowed.text), "seedling_workers") == 2


def test_a_metrics_port_in_use_stops_the_start_with_a_remedy(metered: tuple[Service, str], tmp_path: Path) -> None:
    port = metered[1].split(":")[2].split("/")[0]
    done = run("app", env=environment(tmp_path, port=0, metrics_port=port))
    assert done.returncode == 1
    assert "Set GAN_METRICS_PORT to a free port." in done.stderr


# Rate limits.


def test_a_bucket_allows_a_burst_then_its_rate_and_the_longest_absent_client_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    buckets = TokenBuckets(2, 4, lambda: now[0])
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.take("b") == 0, "each client has its own bucket"
    now[0] = 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]
    now[0] = 100
    buckets.charge("a", 1000)
    assert buckets.take("a") == 2.5, "the debt of a client is bounded"
    monkeypatch.setattr(rate_limits, "MOST_CLIENTS", 3)
    for client in "cdef":
        buckets.take(client)
    assert list(buckets._buckets) == ["d", "e", "f"]


def test_each_client_is_limited_to_its_rate_independently(proxied: Service) -> None:
    responses = [get(proxied, f"/generate?seed={n}", client="203.0.113.1") for n in range(12)]
    assert [a.status_code for a in responses[:4]] == [200] * 4
    rejected = [a for a in responses if a.status_code == 429]
    assert len(rejected) >= 5
    assert rejected[0].json()["code"] == "too_many_requests"
    assert re.search(r"Try again in \d s\.$", rejected[0].json()["detail"])
    assert 1 <= int(rejected[0].headers["retry-after"]) <= 2
    assert get(proxied, "/generate?seed=1", client="203.0.113.2").status_code == 200
    assert get(proxied, "/livez", client="203.0.113.1").status_code == 200, "probes are not limited"
    local = [get(proxied, f"/generate?seed={n}").status_code for n in range(12)]
    assert local == [200] * 12, "clients on this machine are not limited"


def test_a_single_picture_costs_one_token_and_each_64_further_pictures_another() -> None:
    buckets = TokenBuckets(2, 100, lambda: 0.0)
    limits = RateLimits(buckets)
    scope: Scope = {"type": "http", "client": ("203.0.113.1", 1), "path": "/generate", "headers": []}
    left = 100.0
    for pictures, tokens in [(1, 1), (1, 1), (33, 1.5), (65, 2), (1025, 17)]:
        assert limits.refusal(scope) is None
        limits.charge(scope, pictures)
        left -= tokens
        assert buckets._buckets["203.0.113.1"][0] == left


def test_many_pictures_cost_more_than_one_request(proxied: Service) -> None:
    assert get(proxied, "/generate?seeds=0-1023&format=npy", client="203.0.113.3").status_code == 200
    rejected = get(proxied, "/generate?seed=1", client="203.0.113.3")
    assert rejected.status_code == 429
    assert 2 <= int(rejected.headers["retry-after"]) <= 4


def test_the_addresses_of_an_ipv6_network_are_one_client(proxied: Service) -> None:
    responses = [get(proxied, "/generate?seed=1", client=f"2001:db8::{n}").status_code for n in range(12)]
    assert responses.count(429) >= 5
    assert get(proxied, "/generate?seed=1", client="2001:db8:0:1::1").status_code == 200


def test_forwarded_addresses_from_untrusted_clients_are_ignored(metered: tuple[Service, str]) -> None:
    running, _ = metered
    claimed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    response = fresh.get(f"{running.url}/livez", headers=claimed)
    assert find_log_line(running, logger="seedling.access", trace_id=response.headers["x-request-id"])["client"] == "127.0.0.1"


# Host names, origins and response headers.


@pytest.mark.parametrize("host", ["pictures.example", "PICTURES.example:8000", "a.b.test.example"])
def test_a_service_accepts_its_host_names(proxied: Service, host: str) -> None:
    assert get(proxied, "/generate?seed=1", Host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "pictures.example.evil.example", "test.example", "[::1]:80", ""])
def test_a_service_with_host_names_rejects_all_others(proxied: Service, host: str) -> None:
    rejected = get(proxied, "/generate?seed=1", Host=host)
    assert (rejected.status_code, rejected.json()["code"]) == (421, "host_unknown")
    assert rejected.headers["x-content-type-options"] == "nosniff"
    assert rejected.json()["detail"].endswith("add it to GAN_HOSTS.")
    assert get(proxied, "/readyz", Host=host).status_code == 200, "probes use the IP address"


def test_an_allowed_origin_may_read_responses_and_other_origins_may_not(proxied: Service) -> None:
    allowed = get(proxied, "/generate?seed=1", Origin="https://partner.example")
    assert allowed.headers["access-control-allow-origin"] == "https://partner.example"
    assert "X-Seed" in allowed.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in get(proxied, "/generate?seed=1", Origin="https://evil.example").headers
    sent = {"Origin": "https://partner.example", "Access-Control-Request-Method": "PUT", "Host": "pictures.example"}
    preflight = httpx.options(f"{proxied.url}/admin/models/digits/champion", headers=sent, trust_env=False)
    assert "PUT" not in preflight.headers.get("access-control-allow-methods", ""), "other origins never get admin methods"


def test_by_default_no_other_origin_may_read_a_response(live: Service) -> None:
    response = fresh.get(f"{live.url}/generate?seed=1", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/generate?seed=1", "/generate?seed=-1", "/models", "/nothing", "/admin/jobs", "/readyz"])
def test_no_response_can_be_sniffed_or_framed(live: Service, path: str) -> None:
    headers = fresh.get(live.url + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_documentation_page_may_run_only_its_own_script(live: Service) -> None:
    policy = fresh.get(f"{live.url}/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
