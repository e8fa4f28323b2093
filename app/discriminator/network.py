"""A loaded discriminator: pictures and labels in, logits out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import VersionUnusable
from app.sampling.generator import BATCH, SIDE, Pixels, check_shapes, open_session, reason_of
from app.sampling.latents import Vector
from models.manifest import DISCRIMINATOR, sha256_of
from models.version import Version

Floats = NDArray[np.float32]


class LoadedDiscriminator:
    """The discriminator of a version in memory. Thread-safe.

    Args:
        version: the version. Its files were verified when its generator was loaded, but may have changed since.

    Raises:
        VersionUnusable: the file or a shape does not match the manifest.
    """

    def __init__(self, version: Version) -> None:
        self.manifest = version.manifest
        path, name = version.file(DISCRIMINATOR), f"{version.name}/{version.number}/{DISCRIMINATOR}"
        try:
            found = sha256_of(path)
            if found != self.manifest.files[DISCRIMINATOR]:
                raise VersionUnusable(
                    f"{name} has the sha256 {found}, which is not that of its manifest. Restore it, or delete the version."
                )
            self._session = open_session(path)
        except VersionUnusable:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            reason = reason_of(error, version.path)
            raise VersionUnusable(f"{name} cannot be run ({reason}). Publish the version again.") from error
        check_shapes(self._session, name, {"image": [1, SIDE, SIDE]}, {"logit": []}, len(self.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in label order. Empty for an unconditional discriminator."""
        return self.manifest.classes

    def logits(self, pictures: Pixels, labels: Sequence[Vector | None]) -> Floats:
        """Return the logits (N,) of pictures (N, 28, 28). Higher means more real.

        With binary cross-entropy, a logit above 0 means real. The relativistic loss depends on differences of logits only, so
        the level above which a picture is probably real comes from the version's `Calibration`.

        Args:
            pictures: grey levels.
            labels: the label input (K,) of each picture. None for an unconditional discriminator.
        """
        images = pictures[:, None].astype(np.float32) / np.float32(255)  # (N, 1, 28, 28)
        feed = {"image": images}
        if self.classes:
            feed["label"] = np.stack([row for row in labels if row is not None])  # (N, K)
        parts = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
        return np.concatenate([self._run({name: values[part] for name, values in feed.items()}) for part in parts])

    def _run(self, feed: dict[str, Floats]) -> Floats:
        logits: Floats = self._session.run(None, feed)[0]
        return logits
