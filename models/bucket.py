"""Object storage: S3, Google Cloud Storage, Azure or a folder, with obstore."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.errors import Unreachable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

TIMEOUT = timedelta(seconds=20)
RETRIES = 2


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

        If the response to a successful request was lost, the content decides. An object that another host deletes meanwhile
        was not created by this call.

        Raises:
            Unreachable: the store cannot be written.
        """
        try:
            with self._translated(path):
                self._obstore.put(self._store, path, content, mode="create", use_multipart=False)
        except FileExistsError:
            try:
                return self.get(path) == content
            except FileNotFoundError:
                return False
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
