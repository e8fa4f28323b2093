"""Measures the latency and size of content credentials, compared with verification alone: python -m benchmarks.credentials"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.certificates import make
from tests.live import service

REPEATS = 50


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make(folder)
        settings = {"c2pa_certificates": made.chain, "c2pa_key": made.key, "embedded_worker": False, "rate_limit": 0}
        with service(folder / "state", forked=False, **settings) as running, running.client() as client:
            picture = client.get("/generate?seed=42").content
            times: dict[str, list[float]] = {"/verify": [], "/credentials": []}
            for _ in range(REPEATS):
                for path, taken in times.items():
                    began = time.perf_counter()
                    response = client.post(path, content=picture)
                    taken.append(time.perf_counter() - began)
                    assert response.status_code == 200, response.text
            signed = client.post("/credentials", content=picture).content
    verify, sign = (statistics.median(taken) * 1e3 for taken in times.values())
    print(f"/verify {verify:.1f} ms, /credentials {sign:.1f} ms: {sign / verify:.1f} times as long")
    print(f"the picture has {len(picture):,} bytes, signed {len(signed):,}")


if __name__ == "__main__":
    main()
