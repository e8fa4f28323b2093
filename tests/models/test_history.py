"""The champion history of a model, in a folder and in object storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import history
from models.bucket import Bucket, open_store
from models.bucket_repository import BucketRepository
from models.history import Cause, Promotion
from models.repository import Repository
from models.state_log import ModelLog
from tests.live import SHIPPED
from tests.models.test_repository import another_generator, copy_of_shipped

EVE = Cause(how="request", by="eve", reason="nicer sevens")


@pytest.fixture(params=["folder", "bucket"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    if request.param == "folder":
        return Repository(tmp_path / "models")
    return BucketRepository(tmp_path / "host", f"file://{tmp_path / 'bucket'}")


def reopened(repository: Repository, tmp_path: Path) -> Repository:
    """The repository as another process sees it; in object storage, as another host does."""
    if not isinstance(repository, BucketRepository):
        return Repository(repository.root)
    other = BucketRepository(tmp_path / "other", f"file://{tmp_path / 'bucket'}")
    other.refresh()
    return other


def told(repository: Repository) -> list[tuple[int, int | None, str]]:
    return [(each.version, each.instead_of, each.how) for each in repository.history("digits")]


def test_every_promotion_is_recorded_with_its_time_and_cause(repository: Repository, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    job = Cause(how="job", by="0123456789ab", reason="It is the first version of this model.")
    repository.publish("digits", copy_of_shipped, cause=job)
    repository.publish("digits", another_generator, cause=EVE)  # not champion, so not in the history
    repository.promote("digits", 2, cause=EVE)
    repository.promote("digits", 2, cause=EVE)  # already champion
    repository.promote("digits", 1, cause=Cause(how="command"))
    found = reopened(repository, tmp_path).history("digits")
    assert [(each.version, each.instead_of, each.how, each.by) for each in found] == [
        (1, None, "job", "0123456789ab"),
        (2, 1, "request", "eve"),
        (1, 2, "command", None),
    ]
    assert [each.reason for each in found] == [job.reason, "nicer sevens", ""]
    times = [each.time for each in found]
    assert None not in times
    stamps = [before, *times, datetime.now(UTC)]
    assert stamps == sorted(stamps)  # type: ignore[type-var]


def test_the_adoption_of_a_new_model_is_one_promotion(repository: Repository, tmp_path: Path) -> None:
    shipped = Repository(tmp_path / "shipped")
    shipped.publish("digits", copy_of_shipped)
    shipped.publish("digits", another_generator)
    shipped.promote("digits", 2)
    repository.adopt(shipped)
    repository.adopt(shipped)  # at the next start
    assert told(repository) == [(2, None, "shipped")]
    assert repository.history("digits")[0].time is not None


def test_a_rejected_promotion_is_not_recorded(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped, cause=EVE)
    repository.publish("digits", another_generator)

    def fail() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        repository.promote("digits", 2, check=fail, cause=EVE)
    assert told(repository) == [(1, None, "request")]


def test_the_history_is_bounded_and_keeps_the_newest(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 3)
    repository.publish("digits", copy_of_shipped)
    repository.publish("digits", another_generator)
    for number in (2, 1, 2, 1):
        repository.promote("digits", number, cause=Cause(how="command", reason="x" * 1000))
    assert told(repository) == [(1, 2, "command"), (2, 1, "command"), (1, 2, "command")]
    assert {len(each.reason) for each in repository.history("digits")} == {history.MOST_CHARACTERS}


def test_champions_from_before_the_history_have_no_time(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for _ in range(3):
        repository.publish("digits", copy_of_shipped)
    for number in (3, 2):
        repository.promote("digits", number, cause=EVE)
    (tmp_path / "digits" / ".history").unlink()  # as an earlier release left it
    assert [(each.version, each.time) for each in repository.history("digits")] == [(1, None), (3, None), (2, None)]
    repository.promote("digits", 3, cause=EVE)
    assert told(repository) == [(1, None, "unknown"), (3, None, "unknown"), (2, None, "unknown"), (3, 2, "request")]
    assert [each.time is None for each in repository.history("digits")] == [True, True, True, False]


def test_champions_of_a_bucket_from_before_the_history_have_no_time(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'bucket'}"
    repository = BucketRepository(tmp_path / "host", url)
    repository.publish("digits", copy_of_shipped, cause=EVE)
    repository.publish("digits", another_generator)
    repository.promote("digits", 2, cause=EVE)
    log = ModelLog(Bucket(open_store(url)), "digits")
    number, state = log.read()
    old = state.model_dump_json(exclude={"history"})  # the state as a host with an earlier release writes it
    assert log.bucket.create(f"digits/.log/{number + 1:012d}.json", old.encode())
    host = BucketRepository(tmp_path / "new", url)
    host.refresh()
    assert [(each.version, each.time) for each in host.history("digits")] == [(1, None), (2, None)]
    host.promote("digits", 1, cause=EVE)
    assert told(host) == [(1, None, "unknown"), (2, None, "unknown"), (1, 2, "request")]


def test_a_champion_that_was_changed_by_hand_is_shown_without_a_time(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for _ in range(3):
        repository.publish("digits", copy_of_shipped, cause=EVE)
    (tmp_path / "digits" / "aliases.json").write_text('{"champion": 3}')
    assert told(repository) == [(1, None, "request"), (3, 1, "unknown")]
    repository.promote("digits", 2, cause=EVE)
    assert told(repository) == [(1, None, "request"), (3, 1, "unknown"), (2, 3, "request")]


def test_a_repaired_champion_is_recorded_only_if_it_is_another_one(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for _ in range(2):
        repository.publish("digits", copy_of_shipped, cause=EVE)
    repository.promote("digits", 2, cause=EVE)
    aliases = tmp_path / "digits" / "aliases.json"
    aliases.write_text("{")
    repository.publish("digits", copy_of_shipped)  # repairs the aliases
    assert json.loads(aliases.read_text()) == {"champion": 2}
    assert told(repository) == [(1, None, "request"), (2, 1, "request")]
    (tmp_path / "digits" / "2").rename(tmp_path / "gone")
    repository.publish("digits", copy_of_shipped)
    assert told(repository)[-1] == (1, 2, "restored")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[{}]", b'[{"version": "x"}]', b"[" * 100_000, b'[{"version": 1, "how": "y"}]']
)
def test_a_damaged_history_does_not_prevent_a_promotion(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    repository = Repository(tmp_path)
    for _ in range(2):
        repository.publish("digits", copy_of_shipped, cause=EVE)
    (tmp_path / "digits" / ".history").write_bytes(content)
    assert told(repository) == [(1, None, "unknown")]
    assert "digits/.history cannot be read" in caplog.text
    assert repository.promote("digits", 2, cause=EVE) == {"champion": 2, "previous": 1}
    assert told(repository) == [(1, None, "unknown"), (2, 1, "request")]


def test_a_history_that_cannot_be_written_does_not_prevent_a_promotion(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    repository = Repository(tmp_path)
    for _ in range(2):
        repository.publish("digits", copy_of_shipped, cause=EVE)
    path = tmp_path / "digits" / ".history"
    path.unlink()
    path.mkdir()
    assert repository.promote("digits", 2, cause=EVE) == {"champion": 2, "previous": 1}
    assert "digits/2 is not in its history" in caplog.text
    assert [(each.version, each.time) for each in repository.history("digits")] == [(1, None), (2, None)]


def test_the_file_has_no_empty_fields(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.publish("digits", copy_of_shipped, cause=Cause(how="command"))
    (entry,) = json.loads((tmp_path / "digits" / ".history").read_text())
    assert entry.keys() == {"version", "time", "how"}
    assert Promotion(**entry) == repository.history("digits")[0]


def test_the_shipped_models_have_a_history_without_times() -> None:
    found = Repository(SHIPPED).history("digits")
    assert found[-1].version == Repository(SHIPPED).aliases("digits")["champion"]
    assert [each.time for each in found] == [None] * len(found)
