"""Versions in object storage: one repository for several hosts, each with a folder of its own, whatever fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models import bucket_repository, directions
from models.bucket import Bucket, open_store
from models.bucket_repository import CLAIM, BucketRepository
from models.directions import FILE
from models.errors import Changed, Damaged, InService, NotFound, RepositoryError, Unreachable
from models.manifest import GENERATOR, MANIFEST
from models.repository import Repository
from models.state_log import KEPT, ModelLog, ModelState
from tests.live import SHIPPED
from tests.made_directions import add_to
from tests.models.test_repository import a_third_generator, another_generator, copy_of_shipped
from tests.object_storage import FailingProxy, S3Server, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_repository, "REFRESH_SECONDS", 0)


Host = Callable[[str], BucketRepository]


@pytest.fixture(params=["folder", "s3"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a function that opens the repository on a host, which has a folder of its own."""
    if request.param == "folder":
        url = f"file://{tmp_path / 'bucket'}"
    else:
        server: S3Server = request.getfixturevalue("s3")
        server.use(monkeypatch)
        url = server.url()
    return lambda name: BucketRepository(tmp_path / name, url)


def refreshed(repository: Repository) -> Repository:
    repository.refresh()
    return repository


def test_versions_are_numbered_in_order_and_the_first_becomes_champion(host: Host) -> None:
    here = host("here")
    assert [here.publish("digits", copy_of_shipped).number for _ in range(3)] == [1, 2, 3]
    assert (here.names(), here.numbers("digits"), here.aliases("digits")) == (["digits"], [1, 2, 3], {"champion": 1})


def test_another_host_gets_equal_files_and_follows_promotions_and_deletions(host: Host) -> None:
    here, there = host("here"), host("there")
    here.publish("digits", copy_of_shipped)
    here.publish("digits", another_generator)
    found = refreshed(there).get("digits", 2)
    assert [path.name for path in found.path.iterdir()] == [MANIFEST], "only the manifest is downloaded at first"
    found.verify()
    for name in found.manifest.files:
        assert found.file(name).read_bytes() == here.get("digits", 2).file(name).read_bytes()
    before = there.stamp("digits")
    assert here.promote("digits", 2) == {"champion": 2, "previous": 1}
    assert refreshed(there).aliases("digits") == {"champion": 2, "previous": 1}
    assert there.stamp("digits") != before
    assert there.promoted("digits") == [2, 1]
    there.delete("digits", 1)
    assert (refreshed(here).numbers("digits"), here.aliases("digits")) == ([2], {"champion": 2})
    assert here.publish("digits", copy_of_shipped).number == 3
    assert refreshed(host("new")).numbers("digits") == [2, 3]


def test_directions_are_shared_by_all_hosts_and_never_replaced(host: Host, tmp_path: Path) -> None:
    here, there = host("here"), host("there")
    version = here.publish("digits", copy_of_shipped)
    added = add_to(here, version)
    found = refreshed(there).get("digits", 1)
    assert directions.read(found.companion(FILE), version.manifest.digest, 100) == added
    with pytest.raises(RepositoryError, match="publish a new version of the model"):
        there.add_companion("digits", version.manifest.digest, FILE, b"{}")
    shutil.copytree(SHIPPED, tmp_path / "shipped")
    shipped = Repository(tmp_path / "shipped")
    add_to(shipped, shipped.get("digits", 1))
    new = host("new")
    new.adopt(shipped)
    assert directions.read(new.get("digits", 1).companion(FILE), version.manifest.digest, 100) == added


def test_errors_are_those_of_a_folder(host: Host) -> None:
    here, there = host("here"), host("there")
    for _ in range(3):
        here.publish("digits", copy_of_shipped)
    here.promote("digits", 2)
    with pytest.raises(Changed, match=r"is now 2, no longer 1"):
        there.promote("digits", 3, instead_of=1)
    with pytest.raises(InService):
        there.delete("digits", 2)
    with pytest.raises(NotFound, match=r"\[1, 2, 3\]"):
        there.promote("digits", 9)

    def refuse() -> None:
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        there.promote("digits", 1, check=refuse)
    with pytest.raises(RuntimeError, match="lease"):
        there.publish("digits", copy_of_shipped, check=refuse)
    assert (refreshed(here).numbers("digits"), here.aliases("digits")) == ([1, 2, 3], {"champion": 2, "previous": 1})


def test_a_failed_publication_is_invisible_and_its_number_may_be_lost_but_not_reused(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = host("here"), host("there")
    here.publish("digits", copy_of_shipped)

    def fail(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        here.publish("digits", fail)
    put, paths = Bucket.put, list[str]()

    def put_twice(self: Bucket, path: str, content: bytes) -> None:
        paths.append(path)
        if len(paths) > 2:
            raise Unreachable("gone. Retry.")
        put(self, path, content)

    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "put", put_twice)
        with pytest.raises(Unreachable):
            here.publish("digits", copy_of_shipped)
    assert refreshed(there).numbers("digits") == here.numbers("digits") == [1]
    assert there.publish("digits", copy_of_shipped).number == 3
    assert sorted(path.name for path in (there.root / "digits").iterdir() if path.name.endswith(".part")) == []


def test_publishers_on_several_hosts_never_share_a_number(host: Host) -> None:
    hosts = [host(f"host-{number}") for number in range(4)]

    def publish(repository: BucketRepository) -> list[int]:
        return [repository.publish("digits", copy_of_shipped).number for _ in range(3)]

    hosts[0].publish("digits", another_generator)
    with ThreadPoolExecutor(4) as pool:
        numbers = [number for found in pool.map(publish, hosts) for number in found]
    # equal generators that are published at the same time become one version
    assert len(set(numbers)) <= 12
    for repository in hosts:
        assert refreshed(repository).numbers("digits") == sorted({1, *numbers})
        assert {repository.get("digits", number).manifest.version for number in numbers} == set(numbers)


def test_the_number_of_a_removed_version_is_never_used_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, late = host("here"), host("there"), host("late")
    here.publish("digits", another_generator)
    refreshed(late)

    def publish_meanwhile(folder: Path, number: int) -> None:
        copy_of_shipped(folder, number)
        if number == 2:
            there.publish("digits", copy_of_shipped)

    assert here.publish("digits", publish_meanwhile).number == 2, "the equal version of the other host"
    assert here.bucket.paths("digits/3") == [f"digits/3/{CLAIM}"]
    here.delete("digits", 2)
    pull = late._pull

    def pull_and_forget(name: str) -> ModelState:
        return pull(name).model_copy(update={"highest": 1})

    monkeypatch.setattr(late, "_pull", pull_and_forget)  # a publisher that has not seen any of this
    assert late.publish("digits", copy_of_shipped).number == 4


def test_an_object_that_another_host_deletes_meanwhile_was_not_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(open_store(f"file://{tmp_path}"))
    assert bucket.create("a", b"1")
    assert bucket.create("a", b"1"), "the response to the first request may have been lost"
    assert not bucket.create("a", b"2")
    monkeypatch.setattr(Bucket, "get", lambda *_: (_ for _ in ()).throw(FileNotFoundError("a")))
    assert not bucket.create("a", b"1")


def test_hosts_that_start_at_once_adopt_the_shipped_versions_once(host: Host) -> None:
    hosts = [host(f"host-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda repository: repository.adopt(Repository(SHIPPED)), hosts))
    for repository in hosts:
        assert (refreshed(repository).numbers("digits"), repository.aliases("digits")) == ([1], {"champion": 1})
    assert host("late").adopt(Repository(SHIPPED)) == []


def test_hosts_that_start_at_once_agree_on_the_shipped_champions(host: Host, tmp_path: Path) -> None:
    shipped = Repository(tmp_path / "shipped")
    for fill in (copy_of_shipped, another_generator, a_third_generator):
        shipped.promote("digits", shipped.publish("digits", fill).number)
    hosts = [host(f"host-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda repository: repository.adopt(shipped), hosts))
    for repository in hosts:
        digests = {alias: refreshed(repository).get("digits", number) for alias, number in repository.aliases("digits").items()}
        assert {alias: version.manifest.digest for alias, version in digests.items()} == {
            alias: shipped.get("digits", number).manifest.digest for alias, number in (("champion", 3), ("previous", 2))
        }


def test_hosts_that_adopt_a_version_at_once_share_its_number(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shipped versions keep their numbers, which are in URLs, however many hosts start with an empty bucket."""
    here, there, put = host("here"), host("there"), Bucket.put
    waiting = [there]

    def put_late(bucket: Bucket, path: str, content: bytes) -> None:
        while waiting:  # the number has been claimed
            waiting.pop().adopt(Repository(SHIPPED))
        put(bucket, path, content)

    monkeypatch.setattr(Bucket, "put", put_late)
    here.adopt(Repository(SHIPPED))
    for repository in (here, there, host("late")):
        assert refreshed(repository).numbers("digits") == [1]
        repository.get("digits", 1).verify()
        assert repository.aliases("digits") == {"champion": 1}


def test_of_two_promotions_at_once_instead_of_the_same_champion_one_fails(host: Host) -> None:
    here, there = host("here"), host("there")
    for _ in range(3):
        here.publish("digits", copy_of_shipped)
    refreshed(there)

    def promote(repository: BucketRepository, number: int) -> int | None:
        try:
            return repository.promote("digits", number, instead_of=1)["champion"]
        except Changed:
            return None

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(promote, [here, there], [2, 3]))
    assert results.count(None) == 1
    champion = next(result for result in results if result)
    assert refreshed(here).aliases("digits") == refreshed(there).aliases("digits") == {"champion": champion, "previous": 1}


def test_a_changed_file_is_refused_and_a_local_one_is_replaced(host: Host) -> None:
    here, there = host("here"), host("there")
    here.publish("digits", copy_of_shipped)
    local = refreshed(there).get("digits", 1)
    local.verify()
    generator = local.file(GENERATOR).read_bytes()
    (local.path / GENERATOR).write_bytes(generator[:-1])
    local.verify()
    assert local.file(GENERATOR).read_bytes() == generator
    here.bucket.put(f"digits/1/{GENERATOR}", generator + b"x")
    with pytest.raises(Damaged, match=rf"digits/1/{GENERATOR} has sha256"):
        refreshed(host("new")).get("digits", 1).verify()
    there.get("digits", 1).verify()


def test_a_champion_that_was_deleted_by_hand_is_still_on_the_hosts_that_had_it(host: Host) -> None:
    here, there = host("here"), host("there")
    here.publish("digits", copy_of_shipped)
    refreshed(there).get("digits", 1).verify()
    files = {path: here.bucket.get(path) for path in here.bucket.paths("digits/1")}
    here.bucket.delete(list(files))
    refreshed(there).get("digits", 1).verify()
    new = host("new")
    assert refreshed(new).numbers("digits") == []
    for path, content in files.items():
        here.bucket.put(path, content)
    refreshed(new).get("digits", 1).verify()
    assert new.aliases("digits") == {"champion": 1}


def test_the_log_is_pruned_and_a_reader_that_is_far_behind_finds_the_newest_state(tmp_path: Path) -> None:
    bucket = Bucket(open_store(f"file://{tmp_path}"))
    writer, reader = ModelLog(bucket, "digits"), ModelLog(bucket, "digits")

    def count(state: ModelState) -> ModelState:
        return state.model_copy(update={"highest": state.highest + 1})

    writer.change(count)
    assert reader.read()[1].highest == 1
    for _ in range(4 * KEPT):
        writer.change(count)
    assert len(bucket.paths("digits/.log")) <= 2 * KEPT
    assert reader.read() == ModelLog(bucket, "digits").read() == (4 * KEPT + 1, ModelState(highest=4 * KEPT + 1))


@pytest.mark.parametrize("mode", ["down", "deny", "cut", "slow"])
def test_what_is_known_stays_while_the_storage_fails_and_changes_arrive_afterwards(
    mode: str, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = s3.url()
    with FailingProxy(s3.port) as proxy:
        s3.use(monkeypatch)
        here = BucketRepository(tmp_path / "here", url)
        here.publish("digits", copy_of_shipped)
        s3.use(monkeypatch, proxy.port)
        there = BucketRepository(tmp_path / "there", url)
        refreshed(there).get("digits", 1).verify()
        here.publish("digits", another_generator)
        here.promote("digits", 2)
        proxy.mode = mode  # type: ignore[assignment]
        if mode == "slow":
            assert refreshed(there).aliases("digits")["champion"] == 2
            return
        with pytest.raises(Unreachable, match="Check GAN_MODELS_URL, its credentials and the network"):
            refreshed(there).get("digits", 2).verify()
        assert not (there.root / "digits" / "2" / GENERATOR).exists(), "half an object is not kept"
        there.get("digits", 1).verify()
        if mode != "cut":
            assert there.aliases("digits") == {"champion": 1}
            with pytest.raises(Unreachable):
                there.promote("digits", 1)
        proxy.mode = "pass"
        assert refreshed(there).aliases("digits") == {"champion": 2, "previous": 1}
        there.get("digits", 2).verify()


def test_a_publisher_that_is_killed_leaves_no_version(s3: S3Server, tmp_path: Path) -> None:
    url = s3.url()
    program = """
        import os, signal, sys
        from pathlib import Path
        from models.bucket_repository import CLAIM, BucketRepository
        from models.bucket import Bucket
        from tests.models.test_repository import copy_of_shipped
        put, count = Bucket.put, []
        def put_or_die(self, path, content):
            count.append(path)
            if len(count) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            put(self, path, content)
        Bucket.put = put_or_die
        BucketRepository(Path(sys.argv[1]), sys.argv[2]).publish("digits", copy_of_shipped)
    """
    environment = os.environ | s3.environment()
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "killed"), url]
    assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
    with pytest.MonkeyPatch.context() as patch:
        s3.use(patch)
        here = BucketRepository(tmp_path / "killed", url)
        assert refreshed(here).names() == []
        assert here.publish("digits", copy_of_shipped).number == 2
        assert refreshed(BucketRepository(tmp_path / "other", url)).aliases("digits") == {"champion": 2}


@pytest.mark.parametrize("url", ["ftp://x", "models", "s3:///", "s3x://bucket"])
def test_an_invalid_url_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(ValueError, match=r"Write it as s3://bucket/prefix"):
        open_store(url)


def test_a_version_that_was_unpacked_by_hand_into_the_folder_is_removed(host: Host) -> None:
    here = host("here")
    here.publish("digits", copy_of_shipped)
    shutil.copytree(here.root / "digits" / "1", here.root / "digits" / "7")
    manifest = json.loads((here.root / "digits" / "7" / MANIFEST).read_text()) | {"version": 7}
    (here.root / "digits" / "7" / MANIFEST).write_text(json.dumps(manifest))
    here.publish("digits", another_generator)
    assert refreshed(here).numbers("digits") == [1, 2]
