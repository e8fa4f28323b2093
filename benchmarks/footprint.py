"""Measures the CPU time and memory of serving the shipped model: `python benchmarks/footprint.py`, on an idle machine.

Prints a table of figures. Times also have their ratio to a reference measured in the same run, for comparison with other
machines. Requires only the dependencies of the service.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.images import encoding  # noqa: E402
from app.sampling.batching import BATCH  # noqa: E402
from app.sampling.generator import LoadedGenerator  # noqa: E402
from app.sampling.sharpener import load  # noqa: E402
from models import seed_contract  # noqa: E402
from models.aliases import CHAMPION  # noqa: E402
from models.repository import Repository  # noqa: E402


def microseconds(work: Callable[[], object], repeat: int) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times) * 1e6


def rss_megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


IMPORTS = ("numpy", "onnxruntime", "fastapi, uvicorn", "PIL.Image", "app.main")
"""Imported one after the other by a new process, which prints its resident memory and CPU time after each."""


def import_rows() -> list[tuple[str, str, str]]:
    """Return what the imports of the service add to a process, in megabytes and seconds of CPU time."""
    script = "import time, sys; sys.path.insert(0, sys.argv[1])\n"
    say = "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0], time.process_time())\n"
    for names in ("sys", *IMPORTS):
        script += f"import {names}\n{say}"
    done = subprocess.run([sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True)
    lines = [[float(value) for value in line.split()] for line in done.stdout.splitlines()]
    rows = [("Python alone", f"{lines[0][0] / 1000:.0f} MB", f"{lines[0][1]:.2f} s")]
    for names, (before, earlier), (after, later) in zip(IMPORTS, lines, lines[1:], strict=False):
        rows.append((f"import {names}", f"{(after - before) / 1000:+.0f} MB", f"{later - earlier:.2f} s"))
    return rows


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def pillow_png(pixels: encoding.Pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def main() -> None:
    repository = Repository(ROOT / "models")
    generator = LoadedGenerator(repository.get("digits", repository.aliases("digits")[CHAMPION]))
    points = [generator.point(seed)[0] for seed in range(64)]
    rows: list[tuple[str, str, str]] = []
    a = np.random.RandomState(0).rand(256, 256).astype(np.float32)
    reference = microseconds(lambda: a @ a, 300)
    single = microseconds(lambda: generator.draw(points[:1]), 500)
    batch = microseconds(lambda: generator.draw(points), 20) / 64
    small_batch = microseconds(lambda: generator.draw(points[:BATCH]), 100) / BATCH
    pictures = generator.draw(points)
    picture, sheet = pictures[0], encoding.sheet(pictures, 8)
    seed = microseconds(lambda: generator.point(42), 500)
    rows.append(("256x256 float32 matrix product, the reference", f"{reference:.0f} us", "1"))
    rows.append(("a picture on its own", f"{single:.0f} us", f"{single / reference:.2f}"))
    rows.append((f"a picture, in batches of {BATCH}", f"{small_batch:.0f} us", f"{small_batch / reference:.2f}"))
    rows.append(("a picture, in batches of 64", f"{batch:.0f} us", f"{batch / reference:.2f}"))
    sharpener = load(repository.get("sharpen-digits", repository.aliases("sharpen-digits")[CHAMPION]))
    points = sharpener.golden_points()
    alone = microseconds(lambda: sharpener.draw(points[:1]), 300)
    together = microseconds(lambda: sharpener.draw(points[:BATCH]), 60) / BATCH
    rows.append(("a sharpened picture on its own", f"{alone:.0f} us", f"{alone / reference:.2f}"))
    rows.append((f"a sharpened picture, in batches of {BATCH}", f"{together:.0f} us", f"{together / reference:.2f}"))
    rows.append(("from seed to latent", f"{seed:.0f} us", f"{seed / reference:.2f}"))
    many = microseconds(lambda: seed_contract.draw_many(range(64), generator.manifest.z_dim, 10), 200) / 64
    rows.append(("from seed to latent, in batches of 64", f"{many:.1f} us", f"{many / reference:.2f}"))
    for name, pixels in (
        ("PNG of a picture", picture),
        ("PNG of a sheet of 64", sheet),
        ("PNG of a picture at scale 8", encoding.enlarge(picture, 8)),
    ):
        ours, pillow = microseconds(lambda p=pixels: encoding.png(p), 300), microseconds(lambda p=pixels: pillow_png(p), 300)
        sizes = len(encoding.png(pixels)), len(pillow_png(pixels))
        rows.append((f"{name}, {sizes[0]:,} bytes", f"{ours:.0f} us", f"{ours / reference:.2f}"))
        rows.append((f"with Pillow, {sizes[1]:,} bytes", f"{pillow:.0f} us", f"{pillow / reference:.2f}"))

    rows += import_rows()
    with tempfile.TemporaryDirectory() as state:
        port = free_port()
        environment = os.environ | {
            "GAN_PORT": str(port),
            "GAN_STATE": state,
            "GAN_ACCESS_LOG": "false",
            "GAN_LOG_LEVEL": "error",
        }
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment)
        try:
            while True:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                    connection.request("GET", "/generate?seed=42")
                    response = connection.getresponse()
                    response.read()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.005)
            ready = time.perf_counter() - start
            rss = rss_megabytes(process.pid)

            def get(path: str) -> None:
                connection.request("GET", path)
                connection.getresponse().read()

            seeds = iter(range(10**6))
            livez = microseconds(lambda: get("/livez"), 500)
            generate = microseconds(lambda: get(f"/generate?seed={next(seeds)}"), 1000)
            rows.append(("cold start to the first picture", f"{ready:.2f} s", ""))
            rows.append(("RSS after the first picture", f"{rss:.0f} MB", ""))
            rows.append(("GET /livez, single connection", f"{livez:.0f} us", "1"))
            rows.append(("GET /generate, single connection, new seeds", f"{generate:.0f} us", f"{generate / livez:.2f}"))
            rows.append(("RSS after 1,000 pictures", f"{rss_megabytes(process.pid):.0f} MB", ""))
        finally:
            process.terminate()
            process.wait()
    width = max(len(name) for name, _, _ in rows)
    for name, figure, ratio in rows:
        print(f"{name:<{width}}  {figure:>9}  {ratio:>6}")


if __name__ == "__main__":
    main()
