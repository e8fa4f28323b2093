"""Damaged files in a trainer's run folder are skipped or rejected, and nothing in them is executed."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from app.retraining.job_folder import JobFolder
from app.retraining.runners import holder_of
from models.host import pid_namespace
from tests.fuzz.budget import check_message, max_examples
from tests.fuzz.mutation import damaged
from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import CheckpointError
from training.loop.run_folder import RunFolder, alone_in
from training.spec import TrainingSpec

LINES = [
    b'{"event": "progress", "time": 1.5, "images": 64, "loss": 0.1}',
    b'{"event": "end", "time": 2, "reason": "budget"}',
    b'{"event": "\\ud800", "time": -Infinity}',
    b"[1, 2]",
    b"null",
    b'{"a": ' * 20,
    b"9" * 5000,
    b"\xff\xfe",
    b"",
    b"\r",
]
FILES = [b"\n".join(LINES) + b"\n", LINES[0] + b"\n" + LINES[1] + b"\n", LINES[0]]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    folder = JobFolder(tmp_path_factory.mktemp("state"), "0123456789ab")
    folder.path.mkdir(parents=True)
    return folder


@max_examples(50)
@given(content=damaged(FILES) | st.lists(st.sampled_from(LINES)).map(b"\n".join), cut=st.integers(0, 6000))
@example(content=b"\n", cut=0)
def test_each_complete_line_is_read_as_an_event_once(job: JobFolder, content: bytes, cut: int) -> None:
    job.events.write_bytes(content)
    events, end = job.read_events(0)
    assert all(isinstance(event, dict) for event in events)
    assert end == content.rfind(b"\n") + 1, "an incomplete line is not consumed"
    assert job.read_events(end) == ([], end)
    job.events.write_bytes(content[:cut])
    first, offset = job.read_events(0)
    job.events.write_bytes(content)
    second, end_of_second = job.read_events(offset)
    # compared as JSON because NaN is not equal to itself
    assert (json.dumps(first + second), end_of_second) == (json.dumps(events), end), "two partial reads give the same"


@max_examples(25)
@given(content=damaged(FILES), offset=st.integers(0, 10_000))
def test_reading_from_any_offset_ends_within_the_file(job: JobFolder, content: bytes, offset: int) -> None:
    job.events.write_bytes(content)
    _, end = job.read_events(offset)
    assert 0 <= end <= len(content)


@max_examples(25)
@given(content=st.binary(max_size=60) | damaged([b"Error: it broke. Mend it.\nValueError: x\n", b"a.b.Error: \xff\n"]))
def test_any_log_has_a_last_error(job: JobFolder, content: bytes) -> None:
    job.log.write_bytes(content)
    assert isinstance(job.last_error(), str)
    assert job.read_log() == content


SPEC = TrainingSpec.from_preset("quick").model_dump_json().encode()


@max_examples(25)
@given(content=damaged([SPEC, b"{}", b"[" * 5000]))
def test_a_damaged_spec_is_valid_or_rejected(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = RunFolder(tmp_path_factory.getbasetemp())
    folder.spec.write_bytes(content)
    try:
        spec = folder.read_spec()
    except CheckpointError as error:
        check_message(error)
        return
    assert TrainingSpec.model_validate_json(spec.model_dump_json()) == spec


HOLDERS = [
    json.dumps({"pid": 1, "place": pid_namespace()}).encode(),
    b'{"pid": "1", "place": 2}',
    b'{"pid": -1, "place": "x"}',
    b"[]",
]


@max_examples(15)
@given(content=damaged(HOLDERS) | st.sampled_from([b"null", b'{"pid": NaN, "place": "x"}', b"{}", b""]))
def test_the_holder_of_a_lock_is_a_process_or_unknown(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = RunFolder(tmp_path_factory.getbasetemp())
    with alone_in(folder):
        folder.lock.write_bytes(content)
        holder = holder_of(folder.lock)
    assert holder is None or (isinstance(holder["pid"], int) and isinstance(holder["place"], str))
    assert holder_of(folder.lock) is None


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    save_checkpoint({"images": 3, "weights": torch.arange(5.0)}, path)
    return path, path.read_bytes()


class MaliciousPickle:
    """An object whose unpickling calls a function."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@max_examples(15)
@given(data=st.data(), signed=st.booleans())
def test_a_damaged_checkpoint_is_rejected_and_runs_no_code(checkpoint: tuple[Path, bytes], data, signed: bool) -> None:
    path, intact = checkpoint
    content = data.draw(damaged([intact[32:], pickle.dumps(MaliciousPickle()), pickle.dumps({"a": 1}), b""]))
    path.write_bytes((hashlib.sha256(content).digest() if signed else intact[:32]) + content)
    try:
        state = load_checkpoint(path)
    except CheckpointError as error:
        check_message(error)
        return
    assert isinstance(state, dict)
