"""The model card: a version's README.md, in the layout of the Hugging Face Hub."""

from __future__ import annotations

from models.manifest import CURVES, FAILURES, NEIGHBOURS, RELIABILITY, Figure, Manifest


def render(manifest: Manifest) -> str:
    """Render the card of a version from its manifest, which is the source of all figures."""
    m = manifest
    kind = f"class-conditional, classes {', '.join(m.classes)}" if m.classes else "unconditional"
    label = ', "label": one_hot' if m.classes else ""
    eye = f'one_hot = numpy.eye({len(m.classes)}, dtype="float32")[[random.randint({len(m.classes)})]]\n'
    one_hot = eye if m.classes else ""
    title = f"{m.name}/{m.version}"
    rows = "\n".join(_row(name, figure) for name, figure in m.metrics.items())
    spec = "\n".join(f"| `{name}` | {value} |" for name, value in m.spec.items())
    return f"""---
library_name: onnxruntime
pipeline_tag: unconditional-image-generation
license: mit
datasets: [{m.dataset.name}]
tags: [gan, onnx, 28x28]
---

# {title}

A GAN generator, {kind}: {m.z_dim} standard normal numbers in, one 28x28 grey picture out. Trained by Seedling on
{m.dataset.title} ({m.dataset.licence}), preset `{m.spec.get("preset")}`.

![samples](samples.png)

## How good it is

Measured on the exported file by `python -m training evaluate {m.name} --version {m.version}`. The floor is the same
figure for real test pictures, which neither the generator nor the judge was trained on.

| figure | this generator | floor (real) | better | what it is |
|---|---|---|---|---|
{rows}

The judge is a small classifier carried in the repository, sha256 `{m.judge_sha256[:16]}…`. Figures that hold on one
judge's features need not hold on another's: the second judge, where there is one, is of another kind.

{_pictures(m)}{_gate(m)}## How it came about

{m.training.images:,} images in {m.training.seconds / 60:.0f} minutes on {m.training.machine}{_ended(m)}. The generator has
{m.training.generator_parameters:,} parameters, the discriminator {m.training.discriminator_parameters:,}. Made {m.created:%Y-%m-%d} with
{", ".join(f"{name} {version}" for name, version in m.libraries.items())}.

| field of the spec | value |
|---|---|
{spec}

## How to use it

```python
import numpy, onnxruntime
generator = onnxruntime.InferenceSession("generator.onnx")
random = numpy.random.RandomState(42)
z = random.standard_normal({m.z_dim}).astype("float32")
{one_hot}image = generator.run(None, {{"z": z[None]{label}}})[0]  # (1, 1, 28, 28) in 0..1
```

Served by Seedling, that is `GET /generate?model={m.name}&version={m.version}&seed=42`.

## The same picture everywhere

All arithmetic of `generator.onnx` is on integers held in float32, whose sums stay below 2^24
({m.exactness["largest_sum"]:,} at most), so no addition rounds and its order does not matter. Putting the trained
weights on that grid moved pixels by {m.parity.grid_mean_difference:.2f} grey levels on average, {m.parity.grid_max_difference:.0f} at most; every figure above is that of
the exported generator. Over {m.parity.seeds:,} seeds,
{m.parity.generator_pixels_different} pixels differ between torch and ONNX Runtime and {m.parity.batch_pixels_different} between a batch and single pictures.
Seeds 0 to {m.golden.seeds - 1} have pixels with sha256 `{m.golden.sha256}`.

## The discriminator

`discriminator.onnx` gives a logit. `1 / (1 + exp(-({m.calibration.slope:.4f} * logit + {m.calibration.intercept:.4f})))` is the probability that a
picture is real, fitted on {m.calibration.pictures:,} real test pictures and as many generated ones.{_any_label(m)}

## Limits

It draws what {m.dataset.title} holds and nothing else, with that collection's biases. Its pictures are not evidence of
anyone's handwriting or of anything real.
"""


def _pictures(m: Manifest) -> str:
    """Return the section of evaluation pictures."""
    captions = {
        FAILURES: "The 64 of which the judge is least certain that they are what was asked for, the worst first:",
        NEIGHBOURS: "The 40 nearest to a training picture, each followed by that picture:",
        CURVES: "How the run went:",
        RELIABILITY: "How often a picture was real, by the probability that the discriminator gave it, on pictures it was not "
        "fitted on:",
    }
    shown = [f"{text}\n\n![{name.partition('.')[0]}]({name})\n\n" for name, text in captions.items() if name in m.files]
    return "".join(shown)


def _gate(m: Manifest) -> str:
    """Return the section on the comparison with the champion, if there was one."""
    if m.gate is None:
        return ""
    columns = f"| figure | this generator | version {m.gate.champion}, the champion of that day |"
    rows = [
        f"| {name} | {_number(figure.value)} | {_number(m.gate.champion_figures[name].value)} |"
        for name, figure in m.gate.figures.items()
        if name in m.gate.champion_figures
    ]
    table = "\n".join([columns, "|---|---|---|", *rows]) + "\n\n" if rows else ""
    return f"""## How it was held against the champion

{m.gate.reason} {m.gate.rule}

{table}"""


def _row(name: str, figure: Figure) -> str:
    value, floor = shown(figure)
    return f"| {name} | {value} | {floor} | {figure.better} | {figure.what} |"


def shown(figure: Figure) -> tuple[str, str]:
    """Format a figure and its floor, with their standard deviations if available."""
    return tuple(  # type: ignore[return-value]
        _number(value) + (f" ± {sd:.4f}" if sd is not None else "")
        for value, sd in ((figure.value, figure.sd), (figure.floor, figure.floor_sd))
    )


def _ended(m: Manifest) -> str:
    """Return why the run ended, if recorded."""
    return f"; the run ended by `{m.training.ended}`" if m.training.ended else ""


def _any_label(m: Manifest) -> str:
    """Return how pictures without a label are calibrated."""
    if m.calibration_any is None:
        return ""
    return (
        " Where no label is said, the mean\nlogit over all labels is taken, and the two numbers are "
        f"{m.calibration_any.slope:.4f} and {m.calibration_any.intercept:.4f}."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
