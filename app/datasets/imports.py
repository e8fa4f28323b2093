"""Imports of uploaded files as datasets, each in a process of its own.

An import takes minutes and decodes files that nobody has checked, so it must neither block nor crash the service. Its state is
a folder, `<state>/imports/<id>`, which every worker and replica can read:

request.json     what is imported, and how. Written by the service
.lock            held by the process, also if the service was killed meanwhile
progress.json    how far it is
storing.json     the dataset that is about to be stored
result.json      how it ended. Without it, without the lock and without that dataset, the import was interrupted
stop             asks the process to end

A dataset is stored in one step after all its pictures were read (`training.datasets.registry`), so an interrupted import leaves
none behind. `app.datasets.process` is the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from app.datasets.uploads import Upload, check_room
from app.errors import Busy, DatasetInvalid, ImportConflict, NotFound, StoreUnavailable, TooManyImports, UploadIncomplete
from models.atomic import remove, write_atomically
from training.datasets import DatasetRegistry

logger = logging.getLogger("seedling")
ROOT = Path(__file__).resolve().parent.parent.parent
IMPORT_ID = "^[0-9a-f]{12}$"
State = Literal["running", "succeeded", "failed", "cancelled", "interrupted"]
MOST_RUNNING = 2
"""Imports and previews that run at the same time, in all workers that share the state folder."""
KEPT = 50
"""Ended imports whose folders are kept."""
PREVIEW_SECONDS = 60
LOCK, REQUEST, PROGRESS, RESULT, STOP, LOG = ".lock", "request.json", "progress.json", "result.json", "stop", "log.txt"
STORING, SHEET = "storing.json", "sheet.png"


@dataclass(frozen=True)
class Order:
    """What is imported, and how."""

    kind: Literal["import", "preview"]
    upload: str
    """Id of the upload."""
    source: str
    """Path of the uploaded file."""
    filename: str
    options: Mapping[str, Any]
    """Arguments of `training.datasets.importing.Options`."""
    registry: str
    """Folder of the registry of datasets."""
    seconds: int
    memory: int
    """Limits of the process: wall time, and bytes of address space."""
    name: str = ""
    title: str = ""
    licence: str = ""
    by: str = ""
    created: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Import:
    """An import, as found on the disk."""

    id: str
    folder: Path
    order: Order
    state: State
    detail: str
    """Why the import is in this state. If it failed, this includes the remedy."""
    done: int
    total: int
    """Pictures that were read, and all of them. 0 while they are being counted."""
    ended: float | None
    dataset: str | None
    """The reference of the dataset, if the import has succeeded."""
    report: dict[str, Any] | None
    broken: list[dict[str, str]]
    """The first pictures that cannot be read, if the import failed because of them: file and reason."""
    broken_count: int


@dataclass(frozen=True)
class Preview:
    """What an import would do."""

    report: dict[str, Any]
    sheet: bytes
    """A PNG with pictures before and after conversion."""


class Imports:
    """The imports of a state folder.

    Args:
        folder: where they are stored. Created with the first import.
        registry: the folder of the registry of datasets.
        seconds: time limit of an import.
        memory: memory limit of an import, in bytes.
    """

    def __init__(self, folder: Path, registry: Path, seconds: int, memory: int) -> None:
        self.folder, self.registry, self.seconds, self.memory = folder, registry, seconds, memory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, upload: Upload, options: Mapping[str, Any], name: str, title: str, licence: str, by: str) -> Import:
        """Start to import a complete upload, which is deleted when the import succeeds.

        Raises:
            UploadIncomplete: bytes of the upload are missing.
            ImportConflict: the upload is being imported already.
            TooManyImports: too many imports are running.
            DiskFull: the disk has no room for the dataset.
            StoreUnavailable: the state folder is not writable.
        """
        order = self._order(upload, options, "import", self.seconds)
        folder, _ = self._run(replace(order, name=name, title=title, licence=licence, by=by))
        return self.get(folder.name)

    def preview(self, upload: Upload, options: Mapping[str, Any]) -> Preview:
        """Convert a sample of an upload. Stores nothing. This takes seconds.

        Raises:
            Busy: it took longer than `PREVIEW_SECONDS`.
            DatasetInvalid: the file cannot be imported. The message is that of an import.
            UploadIncomplete, TooManyImports, DiskFull, StoreUnavailable: see `start`.
        """
        seconds = min(PREVIEW_SECONDS, self.seconds)
        folder, process = self._run(self._order(upload, options, "preview", seconds))
        process.wait()
        try:
            if process.returncode == -signal.SIGALRM:
                raise Busy(
                    f"The preview took longer than {seconds} seconds. Try again when the service is less busy, or import the "
                    "upload without a preview: POST /admin/datasets."
                )
            result = self.get(folder.name)
            if result.state == "interrupted" or result.report is None:
                raise DatasetInvalid(result.detail if result.state == "failed" else reason_of(process.returncode))
            return Preview(result.report, (folder / SHEET).read_bytes())
        finally:
            remove(folder)

    def get(self, import_id: str) -> Import:
        """Return an import.

        Raises:
            NotFound: it does not exist.
        """
        folder = self.folder / import_id
        unknown = NotFound(f"There is no import {import_id[:40]!r}. GET /admin/imports lists them.")
        if not re.fullmatch(IMPORT_ID, import_id):
            raise unknown
        is_running = _is_locked(folder / LOCK)  # before the result is read, which is written before the lock is released
        try:
            order = Order(**_read(folder / REQUEST))
        except (TypeError, ValueError, OSError) as error:
            raise unknown from error
        progress, result = _read_if_there(folder / PROGRESS), _read_if_there(folder / RESULT)
        if not result and not is_running:
            result = self._stored(folder)
        state: State = result.get("state") or ("running" if is_running else "interrupted")
        detail = (
            result.get("detail")
            or {"running": "reading pictures"}.get(state)
            or (
                "The process ended before the dataset was stored, so nothing was imported. The upload is kept: import it again."
            )
        )
        return Import(
            id=import_id,
            folder=folder,
            order=order,
            state=state,
            detail=detail,
            done=int(progress.get("done", 0)),
            total=int(progress.get("total", 0)),
            ended=result.get("ended"),
            dataset=result.get("dataset"),
            report=result.get("report"),
            broken=result.get("broken", []),
            broken_count=int(result.get("broken_count", 0)),
        )

    def _stored(self, folder: Path) -> dict[str, Any]:
        """Return the result of an import that was interrupted after it had stored its dataset."""
        storing = _read_if_there(folder / STORING)
        name, _, version = str(storing.get("dataset", "")).partition("@")
        if version and version in DatasetRegistry(self.registry).versions(name):
            return {"state": "succeeded", "detail": "imported", **storing}
        return {}

    def all(self) -> list[Import]:
        """Return the imports, newest first, without previews."""
        found = []
        for folder in self._folders():
            with contextlib.suppress(NotFound):
                found.append(self.get(folder.name))
        return sorted((i for i in found if i.order.kind == "import"), key=lambda i: i.order.created, reverse=True)

    def cancel(self, import_id: str) -> Import:
        """Ask an import to end. Its process notices that within a second.

        Raises:
            NotFound: it does not exist.
            ImportConflict: it has ended.
        """
        found = self.get(import_id)
        if found.state != "running":
            raise ImportConflict(f"Import {import_id} is {found.state}, so there is nothing to cancel. No action is needed.")
        (found.folder / STOP).touch()
        return found

    def stop(self) -> None:
        """End the processes that this worker has started."""
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _order(self, upload: Upload, options: Mapping[str, Any], kind: Literal["import", "preview"], seconds: int) -> Order:
        if not upload.is_complete:
            raise UploadIncomplete(
                f"The upload has {upload.offset} bytes of {upload.description.length}. Continue it with PATCH, then import it."
            )
        return Order(
            kind=kind,
            upload=upload.id,
            source=str(upload.path),
            filename=upload.description.filename,
            options=dict(options),
            registry=str(self.registry),
            seconds=seconds,
            memory=self.memory,
        )

    def _run(self, order: Order) -> tuple[Path, subprocess.Popen[bytes]]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            check_room(self.folder, 0)
            with (self.folder / LOCK).open("a") as gate:
                fcntl.flock(gate, fcntl.LOCK_EX)  # counting and starting are one step, in all workers
                self._admit(order)
                return self._start(order)
        except OSError as error:
            raise StoreUnavailable(
                f"The import cannot be started ({error.strerror}). Make the state folder writable, then try again."
            ) from error

    def _admit(self, order: Order) -> None:
        running = [folder for folder in self._folders() if not (folder / RESULT).exists() and _is_locked(folder / LOCK)]
        for folder in running:
            other = _read_if_there(folder / REQUEST)
            # A preview only reads the upload, and has its own name for the file when an import deletes it.
            if order.kind == other.get("kind") == "import" and order.upload == other.get("upload"):
                raise ImportConflict(f"Import {folder.name} is already reading this upload. Follow it, or cancel it first.")
        if len(running) >= MOST_RUNNING:
            raise TooManyImports(f"{len(running)} imports and previews are running. Try again when one has ended.")
        ended = sorted((f for f in self._folders() if f not in running), key=lambda f: f.stat().st_mtime, reverse=True)
        for folder in ended[KEPT:]:
            remove(folder)

    def _start(self, order: Order) -> tuple[Path, subprocess.Popen[bytes]]:
        import_id = secrets.token_hex(6)
        folder = self.folder / import_id
        folder.mkdir()
        write_atomically(folder / REQUEST, json.dumps(asdict(order)).encode())
        held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            with (folder / LOG).open("ab") as output:
                process = subprocess.Popen(  # noqa: S603 - our own program; its argument is ours
                    [sys.executable, "-m", "app.datasets.process", str(folder)],
                    cwd=ROOT,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(held,),  # the process inherits the lock
                    process_group=0,  # keeps the service's Ctrl-C from it
                )
        finally:
            os.close(held)
        with self._lock:
            self._processes[import_id] = process
        threading.Thread(target=self._wait, args=(folder, process), name=f"import-{import_id}", daemon=True).start()
        return folder, process

    def _wait(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        """Wait for a process, and record why it ended if it could not do so itself."""
        status = process.wait()
        with self._lock:
            self._processes.pop(folder.name, None)
        if status == 0 or (folder / RESULT).exists():
            return
        with contextlib.suppress(OSError):
            write_result(folder, "interrupted" if status == -signal.SIGTERM else "failed", reason_of(status))
        logger.warning("import %s: %s", folder.name, reason_of(status))

    def _folders(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(self.folder)):
                if re.fullmatch(IMPORT_ID, name):
                    yield self.folder / name


def write_result(folder: Path, state: State, detail: str, **more: object) -> None:
    """Record how an import has ended."""
    result = {"state": state, "detail": detail, "ended": time.time(), **more}
    write_atomically(folder / RESULT, json.dumps(result).encode())


def reason_of(status: int) -> str:
    """Return why a process ended that wrote no result, with the remedy."""
    if status in (-signal.SIGALRM, -signal.SIGXCPU):
        return "The import took too long. Raise GAN_IMPORT_SECONDS, or split the file into several datasets."
    if status == -signal.SIGTERM:
        return "The service was stopped, so nothing was imported. The upload is kept: import it again."
    if status < 0:
        return (
            f"The import was killed by {signal.Signals(-status).name}, perhaps because memory ran out. Give the service more "
            "memory, or split the file into several datasets."
        )
    return "The import failed unexpectedly. Ask the operator, who finds the reason in log.txt in the folder of the import."


def _is_locked(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(path)
    return found


def _read_if_there(path: Path) -> dict[str, Any]:
    try:
        return _read(path)
    except (OSError, ValueError):
        return {}


def _environment() -> dict[str, str]:
    """Return the environment of a process, without the service's settings, which include tokens."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("GAN_", "OTEL_"))}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {"PYTHONUNBUFFERED": "1"}
