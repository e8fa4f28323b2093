"""Services without a shared folder, on one bucket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.sampling.generator import LoadedGenerator
from models.bucket_repository import BucketRepository
from models.manifest import GENERATOR
from models.repository import Repository
from models.version import Version
from tests.app.reading import pixels
from tests.app.retraining.jobs import TOKEN
from tests.live import SHIPPED, Service, service
from tests.models.test_repository import another_generator, copy_of_shipped
from tests.object_storage import FailingProxy, S3Server, s3_server

SWAP_SECONDS = 30.0
"""Much longer than the two seconds that docs/operations.md promises, for a busy machine. benchmarks/ measures them."""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def until(condition: Callable[[], bool], seconds: float = SWAP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def serving(running: Service) -> str:
    return str(httpx.get(f"{running.url}/readyz", trust_env=False).json()["serving"])


def serve_both(one: Service, two: Service, name: str) -> bool:
    return serving(one) == serving(two) == name


def degraded(running: Service) -> dict[str, str]:
    found: dict[str, str] = httpx.get(f"{running.url}/readyz", trust_env=False).json()["degraded"]
    return found


def versions(running: Service) -> list[str]:
    found = httpx.get(f"{running.url}/models/digits", trust_env=False).json()["versions"]
    return [str(version["version"]) for version in found]


def promote(running: Service, number: int) -> None:
    httpx.put(
        f"{running.url}/admin/models/digits/champion",
        json={"version": number},
        headers={"Authorization": f"Bearer {TOKEN}", "If-Match": "*"},
        trust_env=False,
    ).raise_for_status()


class Load:
    """Requests pictures in a thread, and counts those that are not the picture of the version that X-Model names."""

    def __init__(self, running: Service) -> None:
        self.running, self.requests, self.wrong = running, 0, list[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        version = Version(SHIPPED / "digits" / "1", Repository(SHIPPED).get("digits", 1).manifest)
        generator = LoadedGenerator(version)
        self.expected = [generator.draw([generator.point(seed)[0]])[0] for seed in range(20)]

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self.running.client() as client:
            while not self._stop.is_set():
                seed = self.requests % 20
                response = client.get(f"/generate?seed={seed}")
                self.requests += 1
                if response.status_code != 200 or not np.array_equal(pixels(response.content), self.expected[seed]):
                    self.wrong.append(f"{seed}: {response.status_code} {response.headers.get('x-model')}")


def test_two_services_on_one_bucket_follow_each_other_without_a_wrong_picture(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    url = s3.url()
    settings = {"models_url": url, "admin_token": TOKEN, "embedded_worker": False}
    with service(tmp_path / "one", **settings) as one, service(tmp_path / "two", **settings) as two:
        assert serving(one) == serving(two) == "digits/1", "both started on an empty bucket, and one has filled it"
        repository = BucketRepository(tmp_path / "publisher", url)
        repository.publish("digits", copy_of_shipped)
        until(lambda: "2" in versions(one) and "2" in versions(two))
        with Load(one) as first, Load(two) as second:
            for number in (2, 1, 2):
                promote(one, number)
                until(partial(serve_both, one, two, f"digits/{number}"))
        assert min(first.requests, second.requests) > 20
        assert first.wrong == second.wrong == []
        assert httpx.get(f"{two.url}/generate?seed=1&version=1", trust_env=False).headers["x-model"] == "digits/1"
        histories = [
            httpx.get(f"{each.url}/models/digits/history", trust_env=False).json()["promotions"] for each in (one, two)
        ]
        assert histories[0] == histories[1]
        assert [(each["version"], each["how"]) for each in histories[0]] == [
            *[(number, "request") for number in (2, 1, 2)],
            (1, "shipped"),
        ]
        assert not (tmp_path / "one" / "models").exists()


def test_a_service_goes_on_while_the_storage_fails_and_starts_from_what_it_has(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = s3.url()
    with FailingProxy(s3.port) as proxy:
        s3.use(monkeypatch, proxy.port)
        settings = {"models_url": url, "admin_token": TOKEN, "embedded_worker": False}
        with service(tmp_path / "state", **settings) as running:
            s3.use(monkeypatch)
            repository = BucketRepository(tmp_path / "publisher", url)
            repository.publish("digits", copy_of_shipped)
            proxy.mode = "deny"  # the credentials have expired
            until(lambda: "GAN_MODELS_URL" in degraded(running).get("storage", ""))
            repository.promote("digits", 2)
            unknown = httpx.get(f"{running.url}/generate?seed=1&version=2", trust_env=False, timeout=60)
            assert unknown.status_code in (404, 503)
            assert httpx.get(f"{running.url}/generate?seed=1", trust_env=False).headers["x-model"] == "digits/1"
            proxy.mode = "pass"
            until(lambda: serving(running) == "digits/2" and "storage" not in degraded(running))
            repository.bucket.delete(repository.bucket.paths("digits/2"))  # by hand
            time.sleep(1.5)
            assert httpx.get(f"{running.url}/generate?seed=1", trust_env=False).headers["x-model"] == "digits/2"
        proxy.mode = "down"
        s3.use(monkeypatch, proxy.port)
        with service(tmp_path / "state", **settings) as running:
            until(lambda: serving(running) == "digits/2")
            assert "GAN_MODELS_URL" in degraded(running)["storage"]


def test_a_version_whose_file_was_changed_in_the_bucket_is_refused(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    url = s3.url()
    repository = BucketRepository(tmp_path / "publisher", url)
    repository.publish("digits", copy_of_shipped)
    repository.publish("digits", another_generator)
    repository.bucket.put(f"digits/2/{GENERATOR}", b"not a network")
    with service(tmp_path / "state", models_url=url, embedded_worker=False) as running:
        response = httpx.get(f"{running.url}/generate?seed=1&version=2", trust_env=False)
        assert (response.status_code, response.json()["code"]) == (503, "version_unusable")
        assert f"digits/2/{GENERATOR} has sha256" in response.json()["detail"]
        assert serving(running) == "digits/1"
