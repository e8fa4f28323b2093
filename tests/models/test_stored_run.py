"""A run in object storage: another host gets it whole, and a trainer that was given up cannot change it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models import run_files, stored_run
from models.bucket import Bucket, open_store
from models.errors import Damaged, Unreachable
from models.state_log import KEPT
from models.stored_run import StoredRun, Superseded, stored_runs
from tests.object_storage import FailingProxy, S3Server, s3_server

RUN = "0123456789ab"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    if request.param == "folder":
        return Bucket(open_store(f"file://{tmp_path / 'bucket'}"))
    server: S3Server = request.getfixturevalue("s3")
    server.use(monkeypatch)
    return Bucket(open_store(server.url()))


@pytest.fixture
def local(tmp_path: Path) -> Bucket:
    """A bucket in a folder, for tests of the decisions."""
    return Bucket(open_store(f"file://{tmp_path / 'bucket'}"))


def on(bucket: Bucket, host: Path) -> StoredRun:
    """Return the run on a host."""
    return StoredRun(bucket, host / RUN)


def write(run: StoredRun, **files: str) -> None:
    for name, content in files.items():
        path = run.folder / {"checkpoint": "checkpoint.pt", "events": "events.jsonl", "best": "best.pt"}.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".new").write_text(content)
        path.with_suffix(".new").replace(path)


def read(run: StoredRun) -> dict[str, str]:
    """Return the kept files of a folder."""
    return {name: (run.folder / name).read_text() for name in run_files.names_in(run.folder)}


def test_another_host_gets_the_run_and_continues_it(bucket: Bucket, tmp_path: Path) -> None:
    here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
    owner = here.take()
    write(here, checkpoint="one", events='{"event": 1}\n{"incompl')
    for name in ("samples/000000320.png", "candidate/manifest.json", "candidate/plots/a.png"):
        write(here, **{name: name})
    for name in (".lock", "stop", "tmp/x", "samples/.part", "checkpoint.before.pt"):
        write(here, **{name: "not kept"})
    assert here.store(owner)
    assert not here.store(owner), "nothing has changed"
    there.bring()
    assert read(there) == read(here) | {"events.jsonl": '{"event": 1}\n'}
    assert not (there.folder / "checkpoint.before.pt").exists()
    write(there, checkpoint="two")
    (there.folder / "candidate" / "manifest.json").unlink()
    there.take()
    here.bring()
    assert read(here) == read(there)
    assert stored_runs(bucket) == [RUN]


def test_a_trainer_that_was_given_up_cannot_change_the_run(bucket: Bucket, tmp_path: Path) -> None:
    here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
    stale = here.take()
    write(here, checkpoint="of here")
    here.store(stale)
    owner = there.take()
    write(here, checkpoint="of here, later")
    with pytest.raises(Superseded):
        here.store(stale)
    write(there, checkpoint="of there")
    there.store(owner)
    with pytest.raises(Superseded):
        here.store(stale)
    third = on(bucket, tmp_path / "third")
    third.bring()
    assert read(third) == {"checkpoint.pt": "of there"}
    here.bring()
    assert read(here) == {"checkpoint.pt": "of there"}, "what the given-up trainer has written is replaced"


def test_what_could_not_be_stored_is_stored_by_the_next_trainer_of_the_host(s3: S3Server, tmp_path: Path) -> None:
    with FailingProxy(s3.port) as proxy, pytest.MonkeyPatch.context() as monkeypatch:
        s3.use(monkeypatch, proxy.port)
        url = s3.url()
        here = on(Bucket(open_store(url)), tmp_path / "here")
        owner = here.take()
        write(here, checkpoint="stored")
        here.store(owner)
        proxy.mode = "down"
        write(here, checkpoint="not stored")
        with pytest.raises(Unreachable):
            here.store(owner)
        with pytest.raises(Unreachable):
            here.bring()
        assert read(here) == {"checkpoint.pt": "not stored"}
        proxy.mode = "pass"
        again = on(Bucket(open_store(url)), tmp_path / "here")
        again.bring()
        assert read(again) == {"checkpoint.pt": "not stored"}, "the folder is newer than the object storage"
        again.take()
        there = on(Bucket(open_store(url)), tmp_path / "there")
        there.bring()
        assert read(there) == {"checkpoint.pt": "not stored"}


def test_a_slow_or_broken_download_leaves_the_folder_as_it_was(s3: S3Server, tmp_path: Path) -> None:
    with FailingProxy(s3.port) as proxy, pytest.MonkeyPatch.context() as monkeypatch:
        s3.use(monkeypatch, proxy.port)
        bucket = Bucket(open_store(s3.url()))
        here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
        write(here, checkpoint="x" * 10_000, best="b")
        proxy.mode = "slow"
        here.take()
        proxy.mode = "cut"
        with pytest.raises(Unreachable):
            there.bring()
        assert read(there) == {}
        proxy.mode = "slow"
        there.bring()
        assert read(there) == read(here)


class Failing(Bucket):
    """Fails from the call with a number on, before or after the call has had its effect."""

    def __init__(self, bucket: Bucket, at: int, *, after: bool) -> None:
        self.__dict__ = dict(bucket.__dict__)
        self.calls, self.at, self.late = 0, at, after

    def _call(self, name: str, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls > self.at or (self.calls == self.at and not self.late):
            raise Unreachable("The test has cut the connection.")
        result = getattr(Bucket, name)(self, *arguments)
        if self.calls == self.at:
            raise Unreachable("The test has lost the response.")
        return result

    def get(self, path: str) -> bytes:
        return self._call("get", path)

    def put(self, path: str, content: bytes) -> None:
        self._call("put", path, content)

    def create(self, path: str, content: bytes) -> bool:
        return self._call("create", path, content)

    def delete(self, paths: list[str]) -> None:
        self._call("delete", paths)

    def paths(self, prefix: str, after: str | None = None) -> list[str]:
        return self._call("paths", prefix, after)


def attempt(step: Callable[[], object]) -> bool:
    try:
        step()
    except Unreachable:
        return False
    return True


@pytest.mark.parametrize("after", [False, True])
def test_a_state_is_stored_whole_or_not_at_all(local: Bucket, tmp_path: Path, after: bool) -> None:
    old, new = ({"checkpoint.pt": f"c{n}", "best.pt": f"b{n}", "events.jsonl": f"{n}\n" * n} for n in (1, 2))
    seen = set()
    for at in range(1, 20):
        here = StoredRun(local, tmp_path / "here" / f"{at:012}")
        write(here, **old)
        owner = here.take()
        write(here, **new)
        stored = attempt(lambda: StoredRun(Failing(local, at, after=after), here.folder).store(owner))  # noqa: B023
        there = StoredRun(local, tmp_path / "there" / here.folder.name)
        there.bring()
        assert read(there) in (old, new)
        assert read(there) == new or not stored
        seen.add((stored, read(there) == new))
    assert (False, False) in seen
    assert (True, True) in seen


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("is_ahead", [False, True])
def test_taking_a_run_can_be_interrupted_anywhere_and_repeated(
    local: Bucket, tmp_path: Path, is_ahead: bool, after: bool
) -> None:
    """`is_ahead`: the host has written the newest state, and a file that is not stored. Otherwise another host has."""
    failed = 0
    for at in range(1, 25):
        run = tmp_path / f"{at:012}"
        here, there = StoredRun(local, tmp_path / "here" / run.name), StoredRun(local, tmp_path / "there" / run.name)
        write(here, checkpoint="old", best="old")
        here.store(here.take())
        if is_ahead:
            write(here, checkpoint="new")
        else:
            there.take()
            write(there, checkpoint="new", best="new")
            there.store(there.owners[-1])
        failed += not attempt(StoredRun(Failing(local, at, after=after), here.folder).take)
        StoredRun(local, here.folder).take()
        expected = {"checkpoint.pt": "new", "best.pt": "old" if is_ahead else "new"}
        assert read(here) == expected
        there.bring()
        assert read(there) == expected
    assert failed > 3


def test_of_two_hosts_that_take_a_run_one_can_store(local: Bucket, tmp_path: Path) -> None:
    here, there = on(local, tmp_path / "here"), on(local, tmp_path / "there")
    write(here, checkpoint="of here")
    here.store(here.take())
    before_here: list[str] = []

    class Raced(Failing):
        """Another host takes the run after this one has read the state."""

        def create(self, path: str, content: bytes) -> bool:
            if not before_here:
                before_here.append(there.take())
                write(there, checkpoint="of there")
                there.store(before_here[0])
            return super().create(path, content)

    raced = StoredRun(Raced(local, 10**6, after=False), here.folder)
    owner = raced.take()
    assert read(here) == {"checkpoint.pt": "of there"}, "it has lost the race, and continues what the other has written"
    with pytest.raises(Superseded):
        there.store(before_here[0])
    assert raced.owners == [owner]


def test_a_writer_that_was_suspended_deletes_nothing_that_newer_states_need(local: Bucket, tmp_path: Path) -> None:
    """While it was, others have created so many states that its number has become free again."""
    here, there = on(local, tmp_path / "here"), on(local, tmp_path / "there")
    stale = here.take()
    write(here, checkpoint="shared")
    here.store(stale)
    owner = there.take()
    for number in range(3 * KEPT):
        write(there, events="{}\n" * (number + 1))
        there.store(owner)
    write(here, checkpoint="late")

    class Suspended(Failing):
        def paths(self, prefix: str, after: str | None = None) -> list[str]:
            self.calls += 1
            return [] if self.calls == 1 else Bucket.paths(self, prefix, after)

    here._log.bucket = here.bucket = Suspended(local, 10**6, after=False)
    assert here.store(stale), "it believes that it has"
    third = on(local, tmp_path / "third")
    third.bring()
    assert read(third) == read(there)
    with pytest.raises(Superseded):
        here.store(stale)


def test_a_growing_file_needs_few_parts_and_each_byte_few_uploads(
    local: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(local, "put", lambda path, content: sent.append(len(content)) or Bucket.put(local, path, content))
    here = on(local, tmp_path / "here")
    owner = here.take()
    for number in range(300):
        write(here, events="".join(f'{{"event": {n:05}}}\n' for n in range(number + 1)))
        here.store(owner)
    size = (here.folder / "events.jsonl").stat().st_size
    assert sum(sent) < 10 * size
    assert len(local.paths(f".runs/{RUN}/parts")) < 10
    there = on(local, tmp_path / "there")
    there.bring()
    assert read(there) == read(here)
    write(here, events='{"event": "begun again"}\n')
    with pytest.raises(Superseded):
        here.store(owner)
    write(there, events='{"event": "begun again"}\n')
    there.store(there.owners[-1])
    here.bring()
    assert read(here)["events.jsonl"] == '{"event": "begun again"}\n'


def test_large_files_are_divided(local: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "MOST_BYTES", 100)
    here, there = on(local, tmp_path / "here"), on(local, tmp_path / "there")
    write(here, checkpoint="".join(map(str, range(200))), **{"log.txt": "x" * 1000})
    here.take()
    there.bring()
    assert read(there) == read(here)
    assert len(local.paths(f".runs/{RUN}/parts")) == 6, "equal parts are stored once"


def test_a_damaged_or_missing_part_is_reported_and_never_used(bucket: Bucket, tmp_path: Path) -> None:
    here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
    write(here, checkpoint="good")
    here.take()
    (path,) = bucket.paths(f".runs/{RUN}/parts")
    for damage in (lambda: bucket.put(path, b"goof"), lambda: bucket.delete([path])):
        damage()
        with pytest.raises(Damaged, match=r"Restore it, or POST the job's request again\.$"):
            there.bring()
        assert read(there) == {}
    bucket.put(path, b"good")
    there.bring()
    assert read(there) == {"checkpoint.pt": "good"}


def test_a_state_cannot_write_outside_the_folder(local: Bucket, tmp_path: Path) -> None:
    here, there = on(local, tmp_path / "here"), on(local, tmp_path / "there")
    write(here, checkpoint="good")
    here.take()
    newest = local.paths(f".runs/{RUN}/log")[-1]
    local.put(newest, local.get(newest).replace(b"checkpoint.pt", b"../../outside"))
    with pytest.raises(Damaged):
        there.bring()
    assert not (tmp_path / "outside").exists()


def test_what_killed_trainers_have_left_is_deleted_by_the_next_one(local: Bucket, tmp_path: Path) -> None:
    here = on(local, tmp_path / "here")
    owner = here.take()
    write(here, checkpoint="one")
    assert not attempt(lambda: StoredRun(Failing(local, 4, after=False), here.folder).store(owner))
    assert len(local.paths(f".runs/{RUN}/parts")) == 1
    write(here, checkpoint="two")
    here.take()
    assert [os.path.basename(path).split("-")[1] for path in local.paths(f".runs/{RUN}/parts")] == [run_files.sha256(b"two")]


def test_files_of_an_ended_run_can_be_dropped_and_the_run_deleted(bucket: Bucket, tmp_path: Path) -> None:
    here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
    write(here, checkpoint="big", **{"log.txt": "log", "candidate/a": "a"})
    here.take()
    here.drop(lambda name: name.endswith(".pt"))
    there.bring()
    assert read(there) == {"log.txt": "log", "candidate/a": "a"}
    assert len(bucket.paths(f".runs/{RUN}/parts")) == 2
    there.drop(lambda name: name.startswith("candidate/"))
    assert there._is_current(there._log.read()[1]), "the host that drops files still has the newest folder"
    there.delete()
    assert (stored_runs(bucket), bucket.paths(stored_run.RUNS)) == ([], [])
    here.bring()
    assert "checkpoint.pt" in read(here), "without a state, the folder counts"


def test_a_host_can_read_a_run_without_taking_it(bucket: Bucket, tmp_path: Path) -> None:
    here, there = on(bucket, tmp_path / "here"), on(bucket, tmp_path / "there")
    owner = here.take()
    write(here, checkpoint="big", **{"log.txt": "log"})
    here.store(owner)
    assert there.pull(lambda name: name == "log.txt")
    assert read(there) == {"log.txt": "log"}
    write(here, **{"log.txt": "log, continued"})
    here.store(owner)
    assert there.pull(lambda name: name == "log.txt")
    assert read(there) == {"log.txt": "log, continued"}
    assert not here.pull(lambda _: True), "the owner's folder is the newest"
