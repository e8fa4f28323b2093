"""A loaded encoder: pictures in, classes and latents out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import EncoderMissing, StoreUnavailable, VersionUnusable
from app.sampling.generator import SIDE, Pixels, check_shapes, open_session, reason_of
from app.sampling.latents import Vector
from models import encoder
from models.errors import Damaged, Unreachable
from models.manifest import sha256_of
from models.version import Version


class LoadedEncoder:
    """The encoder of a version in memory. Thread-safe.

    Args:
        version: the version.

    Raises:
        EncoderMissing: it has no encoder.
        VersionUnusable: the encoder is damaged.
    """

    def __init__(self, version: Version) -> None:
        manifest, title = version.manifest, f"{version.name}/{version.number}"
        self.classes = len(manifest.classes)
        path = version.companion(encoder.NETWORK)
        try:
            described = encoder.read(version.companion(encoder.FILE), manifest.digest)
            if described is None or not path.is_file():
                raise EncoderMissing(
                    f"{title} has no encoder. Train one with: python -m training encoder {version.name} --version "
                    f"{version.number}."
                )
            if sha256_of(path) != described.sha256:
                raise Damaged(f"{encoder.NETWORK} does not have the sha256 in {encoder.FILE}. Restore it from a copy.")
            self._session = open_session(path)
            outputs = {"z": [manifest.z_dim]} | ({"logits": [self.classes]} if self.classes else {})
            check_shapes(self._session, f"{title}/{encoder.NETWORK}", {"image": [1, SIDE, SIDE]}, outputs, self.classes)
        except (EncoderMissing, VersionUnusable):
            raise
        except Unreachable as error:
            raise StoreUnavailable(str(error)) from error
        except Damaged as error:
            raise VersionUnusable(f"{title}: {error}") from error
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            reason = reason_of(error, path.parent)
            raise VersionUnusable(f"{title}/{encoder.NETWORK} cannot be run ({reason}). Restore it from a copy.") from error

    def class_probabilities(self, picture: Pixels) -> NDArray[np.float64]:
        """Return the probability of each class, (K,), of a picture (28, 28). Empty for an unconditional generator."""
        if not self.classes:
            return np.empty(0)
        logits = self._run(picture, np.zeros(self.classes, np.float32))["logits"][0].astype(np.float64)
        weights = np.exp(logits - logits.max())
        found: NDArray[np.float64] = weights / weights.sum()
        return found

    def latent(self, picture: Pixels, label: Vector | None) -> Vector:
        """Return an estimate of the latent, (z_dim,), of a picture (28, 28) as a class.

        Args:
            picture: grey levels.
            label: the label input (K,). None for an unconditional generator.
        """
        found: Vector = self._run(picture, label)["z"][0]
        return found

    def _run(self, picture: Pixels, label: Vector | None) -> dict[str, Any]:
        feed = {"image": picture[None, None].astype(np.float32) / np.float32(255)}
        if label is not None:
            feed["label"] = label[None]
        names = [each.name for each in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, feed), strict=True))
