"""What a run uses of its machine, as its events report it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from training.loop import usage
from training.loop.usage import Totals, UsageMeter

MIB = 1024 * 1024


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The clocks of a process, which the test sets."""
    now = {"wall": 1000.0, "cpu": 50.0}
    monkeypatch.setattr(usage.time, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(usage, "_cpu_seconds", lambda: now["cpu"])
    return now


def test_cores_are_those_since_the_last_measurement_and_times_are_totals(clock: dict[str, float]) -> None:
    meter = UsageMeter("cpu", Totals(wall_seconds=100, cpu_seconds=150))
    clock.update(wall=1010.0, cpu=70.0)
    first = meter.measure()
    clock.update(wall=1014.0, cpu=72.0)
    second = meter.measure()
    assert [(each["wall_seconds"], each["cpu_seconds"], each["cores"]) for each in (first, second)] == [
        (110.0, 170.0, 2.0),
        (114.0, 172.0, 0.5),
    ]
    assert meter.totals() == {"wall_seconds": 114.0, "cpu_seconds": 172.0}


def test_two_measurements_at_the_same_moment_have_no_cores(clock: dict[str, float]) -> None:
    meter = UsageMeter()
    assert "cores" not in meter.measure()


def test_a_busy_core_is_measured_as_cpu_time_and_memory_in_bytes() -> None:
    meter = UsageMeter()
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    found = meter.measure()
    assert found["cpu_seconds"] >= 0.2
    assert found["cpu_seconds"] <= found["wall_seconds"] * found["threads"] + 0.1
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    assert found["peak_memory"] > 0.9 * resident > 10 * MIB
    assert found["threads"] == len(list(Path("/proc/self/task").iterdir()))


def test_a_gpu_is_measured_if_the_driver_tells(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _device: 512 * MIB)
    monkeypatch.setattr(torch.cuda, "utilization", lambda _device: 73)
    meter = UsageMeter("cuda:0", Totals(wall_seconds=10, cpu_seconds=1, gpu_seconds=5))
    clock.update(wall=1020.0)
    found = meter.measure()
    assert (found["gpu_seconds"], found["gpu_utilization"], found["gpu_peak_memory"]) == (25.0, 0.73, 512 * MIB)


@pytest.mark.parametrize("error", [ModuleNotFoundError("pynvml"), RuntimeError("no permission")])
def test_a_utilization_that_cannot_be_read_is_absent_and_not_asked_for_again(
    clock: dict[str, float], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked = []

    def fail(device: str) -> int:
        asked.append(device)
        raise error

    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _device: MIB)
    monkeypatch.setattr(torch.cuda, "utilization", fail)
    meter = UsageMeter("cuda")
    for _ in range(3):
        found = meter.measure()
        assert "gpu_utilization" not in found
        assert found["gpu_peak_memory"] == MIB
    assert asked == ["cuda"]


def test_a_run_that_moves_from_a_gpu_to_the_cpu_keeps_its_gpu_time(clock: dict[str, float]) -> None:
    meter = UsageMeter("cpu", Totals(gpu_seconds=5))
    clock.update(wall=1020.0)
    assert meter.measure()["gpu_seconds"] == 5


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], Totals()),
        ([b'{"event": "progress", "images": 16}'], Totals()),  # of an earlier release
        ([b'{"cpu_seconds": 7, "wall_seconds": 4}', b'{"event": "checkpoint"}', b"{"], Totals(4, 7)),
        ([b'{"cpu_seconds": 7}', b'{"cpu_seconds": "x"}', b'{"cpu_seconds": null}', b"[]", b"1"], Totals(0, 7)),
        ([b'{"cpu_seconds": 7, "gpu_seconds": -3, "wall_seconds": NaN}', b"[" * 100_000], Totals(0, 7)),
    ],
)
def test_a_resumed_run_continues_the_totals_of_its_events(tmp_path: Path, lines: list[bytes], wanted: Totals) -> None:
    path = tmp_path / "events.jsonl"
    assert Totals.of_earlier_attempts(path) == Totals()
    path.write_bytes(b"\n".join(lines))
    assert Totals.of_earlier_attempts(path) == wanted


def test_the_measurements_are_json(clock: dict[str, float]) -> None:
    found = UsageMeter().measure()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
