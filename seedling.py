"""Pictures without a server: `import seedling; seedling.generate(42)`. The pixels are those of GET /generate?seed=42."""

from __future__ import annotations

import functools

from app.offline import Model
from app.sampling.generator import Pixels
from app.sampling.latents import Seed

__all__ = ["Model", "generate"]

_model = functools.lru_cache(maxsize=8)(Model)


def generate(
    seed: Seed, *, model: str = "digits", version: int | None = None, label: int | str | None = None, psi: float = 1.0
) -> Pixels:
    """Return the picture of a seed, uint8 (28, 28).

    Args:
        seed: an integer in 0..2**32-1, or a text.
        model: name of the model.
        version: version number; by default the champion. The model stays loaded, so a later champion needs a new process.
        label: class, by index or name; by default the seed chooses it.
        psi: truncation, 0..2.

    Raises:
        NotFound: there is no such model or version.
        InvalidRequest: an argument is out of range.
    """
    return _model(model, version).array(seed, label=label, psi=psi)
