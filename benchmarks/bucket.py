"""Measures how soon a second service serves a promotion, through object storage: .venv-dev/bin/python -m benchmarks.bucket

Starts a real S3 server and two services without a shared folder, promotes versions on one of them, and measures when the other
serves them. Also prints the requests to the storage and the CPU time of an idle service.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from models.bucket_repository import BucketRepository
from tests.app.retraining.jobs import TOKEN
from tests.live import Service, service
from tests.models.test_repository import copy_of_shipped
from tests.object_storage import s3_server

PROMOTIONS = 20
IDLE_SECONDS = 10.0


def serving(running: Service) -> str:
    return str(httpx.get(f"{running.url}/readyz", trust_env=False).json()["serving"])


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name, s3_server() as s3:
        folder, url = Path(name), s3.url()
        os.environ.update(s3.environment())
        settings = {"models_url": url, "admin_token": TOKEN, "embedded_worker": False}
        with (
            service(folder / "one", forked=False, **settings) as one,
            service(folder / "two", forked=False, **settings) as two,
            httpx.Client(headers={"Authorization": f"Bearer {TOKEN}", "If-Match": "*"}, trust_env=False) as admin,
        ):
            BucketRepository(folder / "publisher", url).publish("digits", copy_of_shipped)
            time.sleep(3)
            seconds = []
            for number in [2, 1] * (PROMOTIONS // 2):
                admin.put(f"{one.url}/admin/models/digits/champion", json={"version": number}).raise_for_status()
                began = time.perf_counter()
                while serving(two) != f"digits/{number}":
                    time.sleep(0.01)
                seconds.append(time.perf_counter() - began)
            time.sleep(2)
            process = psutil.Process(two.process.pid)
            before = sum(process.cpu_times()[:2])
            time.sleep(IDLE_SECONDS)
            idle = (sum(process.cpu_times()[:2]) - before) / IDLE_SECONDS
        print(f"seconds from a promotion until the other service serves it, of {len(seconds)}:")
        print(f"median {statistics.median(seconds):.2f}, longest {max(seconds):.2f}; idle {idle:.1%} of a core")


if __name__ == "__main__":
    main()
