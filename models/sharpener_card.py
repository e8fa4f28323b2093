"""The model card of a sharpener, with its ledger. See `models.card`."""

from __future__ import annotations

from models.manifest import Manifest
from models.sharpening import Kind

TESTS = {
    "shrink2": "Shrunk to 14x14",
    "shrink4": "Shrunk to 7x7",
    "blur1": "Blurred with sigma 1",
    "blur2": "Blurred with sigma 2",
}
FIGURES = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "label_accuracy": "label accuracy",
    "label_accuracy_mlp": "second judge",
    "fid": "FID",
    "kid": "KID",
    "c2st_accuracy": "two-sample accuracy",
    "consistency": "consistency error",
    "consistency_worst": "worst",
    "diversity": "diversity",
}

WORDS: dict[Kind, str] = {"shrink2": "shrunk to 14x14", "shrink4": "shrunk to 7x7", "blur": "blurred"}

LEDGER = """## Ledger

Each test degrades all test pictures in one way. Label accuracy is the share of outputs that a judge assigns to the class of the
original. FID and KID compare outputs with originals. Two-sample accuracy is that of a new network that distinguishes them: 0.5
is chance. For this version it is the mean of three networks, for the others that of one. The consistency error is the mean
difference, in grey levels, between the input and the output degraded again; worst is the largest difference of a pixel.
Diversity is the mean difference between the outputs of two seeds.

A PSNR below that of a network trained by mean squared error is expected: the mean of all plausible originals is nearest to all
of them, and blurry (Blau & Michaeli 2018, arXiv:1711.06077)."""


def description(m: Manifest) -> str:
    """Return what the network does, in one paragraph."""
    return (
        f"A GAN generator that sharpens pictures: a picture of 28x28 pixels that was shrunk to 14x14 or 7x7 or blurred, and\n"
        f"{m.z_dim} standard normal numbers in, one plausible original out. Trained by Seedling on\n"
        f"{m.dataset.title} ({m.dataset.licence}), preset `{m.spec.get('preset')}`."
    )


def ledger(m: Manifest) -> str:
    """Return the section with the figures of this version, of the originals, of classic filters and of other versions."""
    return "\n\n".join([LEDGER, *tables(m)]) + "\n\n" if m.ledger else ""


def tables(m: Manifest) -> list[str]:
    """Return a table for each test of the ledger, with a row for each method."""
    found = []
    for test, methods in m.ledger.items():
        head = f"| {TESTS.get(test, test)} | {' | '.join(FIGURES.values())} |"
        rows = [
            f"| {'**this version**' if method == 'this' else method} | "
            + " | ".join(_number(row.get(figure)) for figure in FIGURES)
            + " |"
            for method, row in methods.items()
        ]
        found.append("\n".join([head, "|---" * (len(FIGURES) + 1) + "|", *rows]))
    return found


def usage(m: Manifest) -> str:
    """Return the section on how to run the file."""
    first = [1] + [0] * (len(m.degradations) - 1)
    *most, last = (WORDS[kind] for kind in m.degradations)
    return f"""```python
import numpy, onnxruntime
sharpener = onnxruntime.InferenceSession("generator.onnx")
z = numpy.random.RandomState(42).standard_normal({m.z_dim}).astype("float32")
given = numpy.zeros((1, 1, 28, 28), "float32")  # the picture in 0..1; one of 14x14 or 7x7 enlarged by repeating pixels
kind = numpy.array([{first}], "float32")  # {", ".join(most)}, or {last}
image = sharpener.run(None, {{"z": z[None], "given": given, "kind": kind}})[0]  # (1, 1, 28, 28) in 0..1
```

When served by Seedling: `curl --data-binary @picture.png 'http://localhost:8000/sharpen?model={m.name}&version={m.version}&seed=42'`."""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
