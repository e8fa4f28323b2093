"""One loaded ONNX discriminator: a picture and labels in, logits out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import VersionUnusable
from app.generator import BATCH, SIDE, Pixels, check_shapes, open_session
from models.manifest import DISCRIMINATOR, sha256_of
from models.repository import Version

Floats = NDArray[np.float32]


class LoadedDiscriminator:
    """A version's discriminator in memory. Safe to use from several threads.

    Args:
        version: whose discriminator to load; its generator was verified earlier, and the file may have changed since.

    Raises:
        VersionUnusable: the file or a shape is not what the manifest says.
    """

    def __init__(self, version: Version) -> None:
        self.manifest = version.manifest
        path = version.path / DISCRIMINATOR
        try:
            found = sha256_of(path)
            if found != self.manifest.files[DISCRIMINATOR]:
                raise VersionUnusable(f"{path} has sha256 {found}, not its manifest's. Restore it, or delete the version.")
            self._session = open_session(path)
        except VersionUnusable:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise VersionUnusable(f"{path} cannot be run ({error}). Publish the version again.") from error
        check_shapes(self._session, path, {"image": [1, SIDE, SIDE]}, {"logit": []}, len(self.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the label; empty for an unconditional discriminator."""
        return self.manifest.classes

    def logits(self, picture: Pixels, labels: Sequence[int]) -> Floats:
        """How real a picture (28, 28) looks as each of some classes, (len(labels),); above 0 is rather real.

        An unconditional discriminator is given no labels, and answers with one logit, (1,).
        """
        image = picture[None, None].astype(np.float32) / np.float32(255)  # (1, 1, 28, 28)
        if not self.classes:
            return self._run({"image": image})
        rows = np.eye(len(self.classes), dtype=np.float32)[list(labels)]  # (N, K)
        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        return np.concatenate([self._run({"image": image.repeat(len(part), axis=0), "label": part}) for part in parts])

    def _run(self, feed: dict[str, Floats]) -> Floats:
        logits: Floats = self._session.run(None, feed)[0]
        return logits
