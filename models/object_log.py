"""The state of a model in object storage: a log of whole states that are created and never overwritten.

    <prefix>/<name>/.log/000000000017.json

The entry with the highest number is the state. A writer reads it, and creates the next entry on the condition that its number
is free (If-None-Match). If another writer was faster, it reads again and decides again. Neither a lock nor an overwrite is
needed, and every object store supports it, as does a folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from models.errors import Damaged, Unreachable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

TIMEOUT = timedelta(seconds=20)
RETRIES = 2
KEPT = 50
"""Entries that are kept besides the newest, as a record of promotions."""
MOST_ATTEMPTS = 100


class StoredVersion(BaseModel):
    """A version in the state of a model."""

    manifest: str
    """sha256 of its manifest, which contains those of all other files."""
    digest: str
    """sha256 of its generator."""


class ModelState(BaseModel):
    """Everything about a model that can change."""

    versions: dict[int, StoredVersion] = {}
    aliases: dict[str, int] = {}
    promoted: list[int] = []
    """Promoted versions, the last one is champion."""
    deleted: list[str] = []
    """sha256 of the deleted generators."""
    highest: int = 0
    """The highest version number ever used."""


def open_store(url: str) -> ObjectStore:
    """Open object storage: s3://, gs://, az:// or file://. Credentials are read from the environment, as the vendors define.

    Raises:
        ImportError: obstore is not installed.
        ValueError: the URL is invalid.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise ImportError(
            "GAN_MODELS_URL needs the package obstore. Install it with: pip install -c constraints.txt '.[bucket]'"
        ) from error
    insecure = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    try:
        if url.startswith("file:"):
            return from_url(url, mkdir=True)
        return from_url(
            url,
            client_options={"timeout": "20s", "connect_timeout": "5s", "allow_http": insecure},
            retry_config={"max_retries": RETRIES, "retry_timeout": TIMEOUT},
        )
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        remedy = "Write it as s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder."
        raise ValueError(f"{url} cannot be opened ({reason}). {remedy}") from error


class Bucket:
    """Objects under a prefix. Failures are reported as `Unreachable`.

    Args:
        store: the object store.
    """

    def __init__(self, store: ObjectStore) -> None:
        import obstore
        from obstore import exceptions

        self._store, self._obstore, self._errors = store, obstore, exceptions

    def get(self, path: str) -> bytes:
        """Return an object.

        Raises:
            FileNotFoundError: it does not exist.
            Unreachable: the store cannot be read.
        """
        with self._translated(path):
            return bytes(self._obstore.get(self._store, path).bytes())

    def put(self, path: str, content: bytes) -> None:
        """Write an object, also if it exists.

        Raises:
            Unreachable: the store cannot be written.
        """
        with self._translated(path):
            self._obstore.put(self._store, path, content, use_multipart=False)

    def create(self, path: str, content: bytes) -> bool:
        """Write an object unless it exists. Return whether this call has created it.

        If the response to a successful request was lost, the content decides.

        Raises:
            Unreachable: the store cannot be written.
        """
        try:
            with self._translated(path):
                self._obstore.put(self._store, path, content, mode="create", use_multipart=False)
        except FileExistsError:
            return self.get(path) == content
        return True

    def delete(self, paths: list[str]) -> None:
        """Delete objects. Missing ones are ignored."""
        with self._translated(paths[0] if paths else ""):
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    self._obstore.delete(self._store, path)

    def paths(self, prefix: str, after: str | None = None) -> list[str]:
        """Return the paths under a prefix, sorted, after a path."""
        with self._translated(prefix):
            listed = self._obstore.list(self._store, prefix=prefix, offset=after)
            return sorted(str(entry["path"]) for batch in listed for entry in batch)

    def folders(self) -> list[str]:
        """Return the names of the first level, sorted."""
        with self._translated("its root"):
            found = self._obstore.list_with_delimiter(self._store)["common_prefixes"]
            return sorted(str(name).strip("/") for name in found)

    @contextlib.contextmanager
    def _translated(self, path: str) -> Any:  # noqa: ANN401 - an iterator
        try:
            yield
        except FileNotFoundError:
            raise
        except self._errors.AlreadyExistsError as error:
            raise FileExistsError(path) from error
        except (self._errors.BaseError, OSError, ValueError) as error:
            reason = str(error).partition("\n")[0][:200]
            raise Unreachable(
                f"The object storage of the models cannot be reached at {path} ({reason}). Check GAN_MODELS_URL, its "
                "credentials and the network."
            ) from error


class ModelLog:
    """The log of a model.

    Args:
        bucket: the objects.
        name: name of the model.
    """

    def __init__(self, bucket: Bucket, name: str) -> None:
        self.bucket, self.name = bucket, name
        self._number, self._state = 0, ModelState()

    def read(self) -> tuple[int, ModelState]:
        """Return the number of the newest entry and its state; 0 and an empty state without entries.

        Raises:
            Unreachable: the store cannot be read.
            Damaged: the newest entry is invalid.
        """
        after = self._path(self._number) if self._number else None
        found = self.bucket.paths(self._folder, after)
        if found:
            number = int(found[-1].rpartition("/")[2].partition(".")[0])
            try:
                state = ModelState.model_validate_json(self.bucket.get(found[-1]))
            except FileNotFoundError:  # pruned by a writer, who has created newer ones
                self._number = number
                return self.read()
            except ValidationError as error:
                reason = f"{found[-1]} is not a valid state ({error})."
                raise Damaged(f"{reason} Delete it to return to the state before.") from error
            self._number, self._state = number, state
        return self._number, self._state

    def change(self, decide: Callable[[ModelState], ModelState | None]) -> ModelState:
        """Replace the state. `decide` gets the newest state, and is called again if another writer was faster.

        Args:
            decide: returns the new state, or None to keep it. It may raise.

        Raises:
            Unreachable: the store cannot be read or written.
        """
        for _ in range(MOST_ATTEMPTS):
            number, state = self.read()
            new = decide(state.model_copy(deep=True))
            if new is None:
                return state
            if self.bucket.create(self._path(number + 1), new.model_dump_json().encode()):
                self._number, self._state = number + 1, new
                self._prune(number + 1)
                return new
        raise Unreachable(f"The state of {self.name} has been changed {MOST_ATTEMPTS} times by others. Try again later.")

    def _prune(self, newest: int) -> None:
        if newest % KEPT == 0 and newest > KEPT:
            with contextlib.suppress(Unreachable):
                self.bucket.delete([self._path(number) for number in range(max(1, newest - 2 * KEPT), newest - KEPT)])

    @property
    def _folder(self) -> str:
        return f"{self.name}/.log"

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:012d}.json"
