"""Regression tests of the faults that fuzzing found, each with a minimal input."""

from __future__ import annotations

import gzip
import json
import logging
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.api.dependencies import read_query
from app.api.schemas.retraining import RetrainBody
from app.errors import InvalidRequest, PictureInvalid, PictureTooLarge
from app.http.bodies import MAX_BODY, BoundedBody
from app.http.pages import preferred_language
from app.images.decoding import decode
from app.images.encoding import read_text
from app.retraining.job import Draft
from app.retraining.job_folder import MOST_AT_A_TIME, JobFolder
from app.retraining.lease import Workers
from app.retraining.store import JobStore
from app.storage.database import Database
from models.errors import Damaged
from models.manifest import MANIFEST, Manifest
from models.repository import Repository
from models.version import copier
from tests.fuzz.pictures import FILES, png_of
from tests.live import SHIPPED
from training.datasets import idx
from training.errors import DatasetError

JPEG = FILES["jpeg"]


@pytest.mark.parametrize(
    "segments", [(b"\xff\xe1\x00\x12Exif\0\0" + b"x" * 10) * 495_000, b"\xff" * 9_900_000], ids=["exif", "fill"]
)
def test_a_jpeg_full_of_markers_is_rejected_before_decoding(segments: bytes) -> None:
    start = time.process_time()
    with pytest.raises(PictureTooLarge, match="too many EXIF segments"):
        decode(JPEG[:2] + segments + JPEG[2:])
    assert time.process_time() - start < 1


def test_a_jpeg_with_camera_metadata_is_decoded() -> None:
    segment = b"\xff\xe1\x20\x02" + b"Exif\0\0" + b"\xff" * (0x2000 - 6)
    with_metadata, plain = decode(JPEG[:2] + segment + JPEG[2:]), decode(JPEG)
    assert sorted(with_metadata.grey.tobytes()) == sorted(plain.grey.tobytes()), (
        "the orientation may differ, the pixels may not"
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_png_without_its_palette_is_invalid(depth: int) -> None:
    with pytest.raises(PictureInvalid, match="needs a palette"):
        decode(png_of(1, 1, depth=depth, colour=3))


def test_a_query_with_many_parameters_is_parsed_quickly() -> None:
    names = [f"{number:x}" for number in range(16_000)]
    start = time.process_time()
    with pytest.raises(InvalidRequest, match="'3e7f' is given 2 times"):
        read_query("&".join([*names, names[-1]]).encode())
    assert time.process_time() - start < 1


@pytest.mark.parametrize("spec", [{"gamma": [[[1]]]}, {"gamma": {"a": 1}}, {"gamma": [{"a": 1}]}])
def test_a_nested_value_in_a_spec_is_rejected(spec: dict) -> None:
    with pytest.raises(ValidationError, match="nested too deep"):
        RetrainBody(spec=spec)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/b", "..", ".hidden", "x" * 300, "a\n", ""])
def test_a_manifest_lists_only_file_names_without_directories(name: str) -> None:
    manifest = json.loads((SHIPPED / "digits" / "1" / MANIFEST).read_text())
    manifest["files"][name] = "0" * 64
    with pytest.raises(ValidationError, match="files"):
        Manifest.model_validate(manifest)


@pytest.mark.parametrize("exactness", [{}, {"largest_sum": None}, {"largest_sum": "many"}, {"largest_sum": True}])
def test_a_manifest_must_state_the_largest_sum_of_its_exactness(exactness: dict) -> None:
    """Without it, rendering the model card failed."""
    manifest = json.loads((SHIPPED / "digits" / "1" / MANIFEST).read_text())
    manifest["exactness"] = exactness
    with pytest.raises(ValidationError, match="largest_sum"):
        Manifest.model_validate(manifest)


@pytest.mark.parametrize("missing", ["generator.onnx", "discriminator.onnx"])
def test_a_shipped_version_without_a_network_is_skipped_at_startup(
    missing: str, repository: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = repository.root / "digits" / "1" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["files"][missing]
    path.write_text(json.dumps(manifest))
    with caplog.at_level(logging.ERROR):
        assert Repository(tmp_path / "new").adopt(repository) == []
    assert f"does not list {missing}" in caplog.text


def test_damaged_aliases_of_a_shipped_model_do_not_prevent_startup(repository: Repository, tmp_path: Path) -> None:
    (repository.root / "digits" / "aliases.json").write_text("[]")
    new = Repository(tmp_path / "new")
    assert [version.number for version in new.adopt(repository)] == [1]
    assert new.aliases("digits") == {"champion": 1}


@pytest.mark.parametrize("aliases", ['{"champion": true}', '{"champion": 0}', '{"champion": -1}', '{"champion": 1.0}'])
def test_an_alias_that_is_not_a_version_number_is_damaged(repository: Repository, aliases: str) -> None:
    (repository.root / "digits" / "aliases.json").write_text(aliases)
    with pytest.raises(Damaged):
        repository.aliases("digits")


@pytest.mark.parametrize("highest", ["-5", "9" * 300, "", "junk"])
def test_a_damaged_record_of_the_highest_number_does_not_prevent_publishing(repository: Repository, highest: str) -> None:
    (repository.root / "digits" / ".highest").write_text(highest)
    (repository.root / "digits" / ".deleted").write_text("[" * 100_000)
    assert repository.publish("digits", copier(repository.get("digits", 1))).number == 2


def test_a_gzip_bomb_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MOST_BYTES", 10_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(1_000_000)))
    with pytest.raises(DatasetError, match="has more than 10,000 bytes"):
        idx.read_idx(tmp_path / "bomb.gz", sha256="0" * 64, remedy="Mend it.")


@pytest.mark.parametrize(
    "content", [b"\0\0\x08\x41" + b"\0\0\0\1" * 65 + b"x", b"\0\0\x08\3" + b"\0" * 4 + b"\xff" * 8], ids=["rank", "size"]
)
def test_an_idx_header_with_absurd_sizes_is_a_dataset_error(content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"Mend it\.$"):
        idx.parse_idx(content, name="file", remedy="Mend it.")


def test_text_is_not_read_from_a_png_with_huge_declared_size() -> None:
    header = FILES["png"][:16] + (60_000).to_bytes(4, "big") * 2 + FILES["png"][24:]
    with pytest.raises(ValueError, match="not a PNG"):
        read_text(header)


def test_malformed_event_lines_are_skipped(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "x")
    folder.path.mkdir(parents=True)
    folder.events.write_bytes(b"[" * 100_000 + b"\n" + b"x" * (3 * MOST_AT_A_TIME) + b'\n{"event": "a"}\n{"n": NaN}\n')
    events, offset = [], 0
    for _ in range(10):
        batch, offset = folder.read_events(offset)
        events += batch
    assert events == [{"event": "a"}, {"n": None}]


@pytest.mark.parametrize("line", [{"event": "\ud800"}, {"event": "a", "time": 10**400}, {"event": "a", "time": float("nan")}])
def test_an_event_with_invalid_values_is_recorded_without_an_error(database: Database, line: dict) -> None:
    store, lease = JobStore(database), Workers(database, "alone").beat()
    assert lease
    job = store.create(Draft(model="digits", request={}, spec={}, promote="never", parent=None, by="a"), 8)
    assert store.record(lease, job, [line], 7).offset == 7
    assert store.events(job.id)[-1].time == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(("accepted", "language"), [("ru,en; q=1.5", "ru"), ("ru;q=0.5,en;q=1.000", "en"), ("ru;q=1.", "ru")])
def test_an_invalid_weight_of_a_language_is_ignored(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language


@pytest.mark.anyio
async def test_a_content_length_of_thousands_of_digits_is_too_large() -> None:
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": [(b"content-length", b"9" * 5000)]}
    await BoundedBody(None, {})(scope, None, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 413
    assert f"{MAX_BODY:,}".encode() in sent[1]["body"]
