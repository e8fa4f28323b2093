"""Services, workers and trainers that are forked from a process which has already imported their libraries.

Importing torch and the libraries of an evaluation takes two to four seconds of CPU time, importing the service takes one, and
the tests start some hundred processes. Forked processes are real ones, with their own output, environment, locks and
command line, so tests can list, signal and kill them as usual. They run the module as `python -m` does. The trainers of a
forked service use a tenth of MNIST (`tests.training.tenth`). The workers of a forked service are forked as well, and share no
metrics, because its modules were imported for a single worker.

New processes are started where the start itself matters: by tests of server workers, of their metrics, of memory limits, of the
runner of trainers, of the steps in README, of the wheel, and by the server of the soak.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

SOCKET = "SEEDLING_TEST_PROCESSES"
"""Environment variable with the path of the socket at which processes are requested."""
ROOT = Path(__file__).resolve().parent.parent
IMPORTED = (
    *("training.loop.run", "training.export.build", "training.spec_options", "typer", "rich.progress", "rich.table"),
    *("torchmetrics.image.fid", "torchmetrics.functional.classification", "matplotlib.backends.backend_agg"),
    *("numpy.random", "onnx", "torch.onnx", "torch.profiler", "torch.utils.serialization.config", "torch.utils._device"),
    *("PIL.BmpImagePlugin", "PIL.PpmImagePlugin", "rich._emoji_codes", "models.bucket_repository"),
    *("app.main", "app.http.server", "app.retraining.worker", "uvicorn.protocols.http.httptools_impl", "uvloop"),
    *("anyio._backends._asyncio", "anyio._core._sockets", "encodings.idna", "multiprocessing.popen_fork"),
    "tests.training.tenth",
)
"""What the processes import. Not `training.cli` and `training.tables`, which read the environment."""
PADDING = "-" * 4000
"""An argument whose memory has room for the command line of a forked process."""
HIGH = 500
"""File descriptors from here on are free in the forking process."""
ANSWER = 16
"""Length of an answer in bytes: a number, padded with spaces."""


class Forked:
    """A forked `python -m`, with the methods of `subprocess.Popen` that the service and the tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: IO[Any],
        stderr: IO[Any] | int = subprocess.STDOUT,
        pass_fds: Sequence[int] = (),
        process_group: int | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        assert stdin == subprocess.DEVNULL
        outputs = [stdout.fileno(), stdout.fileno() if isinstance(stderr, int) else stderr.fileno()]
        path = os.environ.get(SOCKET) or address()
        request = {"arguments": arguments, "cwd": str(cwd), "env": {**env, SOCKET: path}, "to": [1, 2, *pass_fds]}
        request["process_group"] = process_group
        content = json.dumps(request).encode()
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(path)
        socket.send_fds(self._connection, [f"{len(content):{ANSWER}}".encode()], [*outputs, *pass_fds])
        self._connection.sendall(content)
        self.pid = self._answer()
        self.returncode: int | None = None

    def _answer(self) -> int:
        return int(self._connection.recv(ANSWER, socket.MSG_WAITALL))

    def poll(self) -> int | None:
        """Return the exit status, or None while the process is running."""
        return self.wait() if self.returncode is not None or self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status as soon as the process has ended."""
        if self.returncode is None:
            assert self._has_ended(timeout), f"{self.pid} is still running after {timeout} s"
            with self._connection:
                self.returncode = self._answer()
        return self.returncode

    def _has_ended(self, timeout: float | None) -> bool:
        return bool(select.select([self._connection], [], [], timeout)[0])

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Command(Forked):
    """A forked `python -m training`, whose output can be read from a pipe."""

    def __init__(self, *arguments: object, env: Mapping[str, str]) -> None:
        end, start = os.pipe()
        self.stdout = os.fdopen(end)
        with os.fdopen(start, "w") as output:
            command = [sys.executable, "-m", "training", *map(str, arguments)]
            super().__init__(command, cwd=ROOT, env=os.environ | env, stdout=output)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Read the output to its end, and wait for the end of the process."""
        with self.stdout:
            output = self.stdout.read()
        self.wait(timeout)
        return output, None


def run(module: str, *arguments: object, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m` in a forked process, with an environment and captured output, like `subprocess.run`."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        status = Forked(command, cwd=ROOT, env=env, stdout=output, stderr=errors).wait()
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(command, status, output.read(), errors.read())


@functools.cache
def address() -> str:
    """Listen for requests, and return the path of the socket. The forking process starts with the first request."""
    folder = tempfile.mkdtemp(prefix="seedling-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/socket")
    listener.listen()
    alive, closed_at_exit = os.pipe()
    atexit.register(os.close, closed_at_exit)
    arguments = [sys.executable, "-m", "tests.forked", str(listener.fileno()), str(alive), PADDING]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GAN_")}
    # what `LocalRunner` and `tests.live.environment` set, as far as the interpreter and libraries read it at their start
    read = {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}

    def run() -> None:
        select.select([listener], [], [])
        with listener:  # so that requests fail, instead of waiting, if the forking process ends
            process = subprocess.Popen(arguments, env=inherited | read, cwd=ROOT, pass_fds=(listener.fileno(), alive))
        process.wait()

    threading.Thread(target=run, name="forked", daemon=True).start()
    return f"{folder}/socket"


def _fork_processes(listener: socket.socket, alive: int) -> None:
    """Fork a process for each connection, and answer with its process ID and its exit status, until `alive` is closed."""
    for name in IMPORTED:
        importlib.import_module(name)
    from tests.training import tenth

    tenth.preload()
    gc.freeze()
    connections: dict[int, socket.socket] = {}
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake)
    while alive not in (ready := select.select([listener, alive, ended], [], [])[0]):
        if listener in ready:
            connection = listener.accept()[0]
            pid = _fork(connection)
            if pid:
                connections[pid] = connection
                _reply(connection, pid)
        if ended in ready:
            os.read(ended, 4096)
            for pid in list(connections):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    with connections.pop(pid) as connection:
                        _reply(connection, os.waitstatus_to_exitcode(status))


def _reply(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # the supervisor of a trainer may have been killed
        connection.sendall(f"{number:{ANSWER}}".encode())


def _fork(connection: socket.socket) -> int | None:
    """Fork the requested process. Return its ID, or None if the other process was killed before it sent all."""
    size, descriptors, _, _ = socket.recv_fds(connection, ANSWER, 16)
    content = connection.recv(int(size or 0), socket.MSG_WAITALL)
    pid = None
    if content and len(content) == int(size):
        request = json.loads(content)
        pid = os.fork()
        if not pid:
            _become(request, descriptors)
        if request["process_group"] is not None:
            with contextlib.suppress(OSError):  # it has done this itself, or has ended
                os.setpgid(pid, request["process_group"])
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """In the forked process, run the module as `python -m` does. Its trainers, if any, are forked as well."""
    status: object = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if request["process_group"] is not None:
            os.setpgid(0, request["process_group"])
        given = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH) for descriptor in descriptors]
        os.closerange(3, HIGH)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, number in zip(given, request["to"], strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        tempfile.tempdir = None
        _set_command_line(request["arguments"])
        import uvicorn._subprocess

        from app.retraining.runners import local
        from tests.training import small, tenth

        if small.TENTH in os.environ:
            tenth.use()
        names = {"Popen": Forked, "DEVNULL": subprocess.DEVNULL, "STDOUT": subprocess.STDOUT}
        local.subprocess = types.SimpleNamespace(**names)  # type: ignore[assignment]
        uvicorn._subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
        sys.argv = request["arguments"][2:]  # without `python -m`
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def _set_command_line(arguments: list[str]) -> None:
    """Replace the command line that the system shows for this process."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    content = "\0".join(arguments).encode() + b"\0"
    ctypes.memmove(start, content.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    _fork_processes(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
