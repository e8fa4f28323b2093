"""The process of an import: `python -m app.datasets.process FOLDER`. See `app.datasets.imports`.

It limits its own memory, time and files before it opens the uploaded file, so that a malicious file can at worst
end this process.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.datasets.imports import PROGRESS, REQUEST, SHEET, STOP, STORING, Order, write_result
from models.atomic import remove, write_atomically
from training.datasets import DatasetError, DatasetRegistry
from training.datasets.description import DIGITS
from training.datasets.importing import Options, Report, preview, read_source
from training.datasets.importing.reading import problems
from training.errors import BrokenPicturesError

REPORT_SECONDS = 0.5
"""Interval between two reports of progress."""
NICE = 10
"""Niceness of an import, which may take minutes."""


class Cancelled(Exception):
    """Somebody asked the import to stop."""


class Progress:
    """Writes how far an import is, and notices that it is to stop.

    Args:
        folder: the folder of the import.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._next = folder, 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next and done < total:
            return
        self._next = now + REPORT_SECONDS
        if (self.folder / STOP).exists():
            raise Cancelled
        part = self.folder / f".{PROGRESS}"
        part.write_text(json.dumps({"done": done, "total": total}))
        part.replace(self.folder / PROGRESS)


def limit(order: Order) -> None:
    """Limit the memory, the time and the open files of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (order.memory, order.memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # if the container runs out of memory, this process is killed and not the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    signal.alarm(order.seconds)  # ends the process, also if the service does not run any more
    if order.kind == "import":  # somebody waits for a preview, which takes seconds
        os.nice(NICE)


def link(order: Order, folder: Path) -> Path:
    """Give the uploaded file its own name in a folder of its own, for messages and reports. Return its path there."""
    place = folder / "source"
    place.mkdir()
    name = (
        re.sub(r"[^\w.()+ -]", "_", Path(order.filename.replace("\\", "/")).name).lstrip(". ")[-100:] or Path(order.source).name
    )
    os.link(order.source, place / name)
    return place / name


def run(folder: Path) -> None:
    """Do what the order in a folder says, and record the result there."""
    order = Order(**json.loads((folder / REQUEST).read_bytes()))
    limit(order)
    try:
        with open(order.source, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # nobody may change or delete the upload meanwhile
            _run(order, folder, link(order, folder))
    except Cancelled:
        write_result(folder, "cancelled", "cancelled; nothing was imported. The upload is kept.")
    except BrokenPicturesError as error:
        listed = [problem.model_dump() for problem in problems(error.broken)]
        write_result(folder, "failed", in_api_terms(str(error)), broken=listed, broken_count=len(error.broken))
    except DatasetError as error:
        write_result(folder, "failed", in_api_terms(str(error)))
    except MemoryError:
        write_result(folder, "failed", "The pictures need too much memory. Raise GAN_IMPORT_MEMORY, or split the file.")
    except OSError as error:
        write_result(folder, "failed", f"A file cannot be read or written ({error.strerror}). Free disk space, then try again.")
    finally:
        remove(folder / "source")


def _run(order: Order, folder: Path, source: Path) -> None:
    options = Options(**order.options)
    os.chdir(source.parent)
    path = Path(source.name)  # messages have no folders of the server
    if order.kind == "preview":
        shown = preview(path, options)
        (folder / SHEET).write_bytes(shown.sheet)
        write_result(folder, "succeeded", "previewed", report=_plain(shown.report))
        return
    imported = read_source(path, options, progress=Progress(folder))
    report = _plain(imported.report)
    dataset = f"{order.name}@{imported.contents.digest[:DIGITS]}"
    storing = {"dataset": dataset, "report": report}
    write_atomically(folder / STORING, json.dumps(storing).encode())
    DatasetRegistry(Path(order.registry)).add(
        order.name, imported.contents, title=order.title, licence=order.licence, record=report
    )
    remove(Path(order.source).parent)
    write_result(folder, "succeeded", "imported", **storing)


def _plain(report: Report) -> dict[str, Any]:
    plain = report.model_dump(mode="json")
    return plain | {"warnings": [in_api_terms(text) for text in plain["warnings"]]}


def in_api_terms(message: str) -> str:
    """Return a message of the importer with the names of the API's options instead of those of the command line."""
    return re.sub(r"--(skip-broken|test-share|fit|invert)\b", lambda found: found[1].replace("-", "_"), message)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        run(Path(sys.argv[1]))
