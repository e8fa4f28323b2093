"""Plugin that prints the CPU time of each test file: make test ARGS="-p tests.cpu_times"

On a busy machine, the durations of pytest say little. CPU time includes all processes that a test starts, except those that end
after their parent, such as the trainers of a killed supervisor.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter

import psutil
import pytest

SHOWN = 30
KEY = "cpu_seconds"


def cpu_seconds() -> float:
    """Return the user and system time of this process and of its descendants, including those that have ended."""
    this, total = psutil.Process(), 0.0
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # user, system, and both of the children that have ended
    return total


class CpuTimes:
    """Measures in each process that runs tests, and adds up in the one that prints the results."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.before = 0.0
        self.files: Counter[str] = Counter()
        self.tests: Counter[str] = Counter()
        self.ends: dict[str, float] = {}

    def pytest_collection_finish(self) -> None:
        self.before = cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> object:
        """Add the CPU time since the last report, which is that of this phase, to the report."""
        report: pytest.TestReport = yield  # type: ignore[misc]
        now = cpu_seconds()
        spent = max(0.0, now - self.before)  # less than before if a process ended whose parent had ended
        report.user_properties = [*report.user_properties, (KEY, spent)]
        self.before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.split("::")[0]
        self.files[name] += sum(value for key, value in report.user_properties if key == KEY)  # type: ignore[misc]
        self.tests[name] += report.when == "setup"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Note when a worker of pytest-xdist has run its last test."""
        self.ends[node.gateway.id] = time.monotonic() - self.start  # type: ignore[attr-defined]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(f"CPU seconds, of {self.files.total():.0f}")
        for name, seconds in self.files.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:7.1f}  {name} ({self.tests[name]} tests)")
        for worker, seconds in self.ends.items():
            terminalreporter.write_line(f"{worker} finished after {seconds:.0f} s")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuTimes())
