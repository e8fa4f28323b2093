"""The model card: a version's README.md, in the layout of the Hugging Face Hub."""

from __future__ import annotations

from models import copying, sharpener_card
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
    description = (
        f"A GAN generator, {kind}: {m.z_dim} standard normal numbers in, one 28x28 grey picture out. Trained by Seedling on\n"
        f"{m.dataset.title} ({m.dataset.licence}), preset `{m.spec.get('preset')}`."
    )
    usage = f"""```python
import numpy, onnxruntime
generator = onnxruntime.InferenceSession("generator.onnx")
random = numpy.random.RandomState(42)
z = random.standard_normal({m.z_dim}).astype("float32")
{one_hot}image = generator.run(None, {{"z": z[None]{label}}})[0]  # (1, 1, 28, 28) in 0..1
```

When served by Seedling: `GET /generate?model={m.name}&version={m.version}&seed=42`."""
    if m.task == "sharpen":
        description, usage = sharpener_card.description(m), sharpener_card.usage(m)
    pipeline = "image-to-image" if m.task == "sharpen" else "unconditional-image-generation"
    return f"""---
library_name: onnxruntime
pipeline_tag: {pipeline}
license: mit
datasets: [{m.dataset.name}]
tags: [gan, onnx, 28x28]
---

# {title}

{description}
{_warning(m)}
![samples](samples.png)

## Evaluation

Measured on the exported file by `python -m training evaluate {m.name} --version {m.version}`. The floor is the same
figure for real test pictures, on which neither the generator nor the judge was trained.

| figure | this generator | floor (real) | better | definition |
|---|---|---|---|---|
{rows}

The judge is a small classifier in the repository, sha256 `{m.judge_sha256[:16]}…`. Figures depend on the features of the
judge, so some are repeated with a second judge of another architecture.

{sharpener_card.ledger(m)}{_pictures(m)}{_gate(m)}## Training

{m.training.images:,} images in {m.training.seconds / 60:.0f} minutes on {m.training.machine}{_ended(m)}. The generator has
{m.training.generator_parameters:,} parameters, the discriminator {m.training.discriminator_parameters:,}. Created on {m.created:%Y-%m-%d} with
{", ".join(f"{name} {version}" for name, version in m.libraries.items())}.{_population(m)}

| spec field | value |
|---|---|
{spec}

## Usage

{usage}

## Reproducibility

`generator.onnx` computes with integers stored as float32. All sums stay below 2^24 (at most {m.exactness["largest_sum"]:,}), so
no addition rounds, and the order of additions does not matter. Rounding the trained weights to this grid changed pixels by
{m.parity.grid_mean_difference:.2f} grey levels on average, and by at most {m.parity.grid_max_difference:.0f}. The figures above are those of the exported generator.
Over {m.parity.seeds:,} seeds, {m.parity.generator_pixels_different} pixels differ between torch and ONNX Runtime, and
{m.parity.batch_pixels_different} between batches and single pictures. The pixels of seeds 0 to {m.golden.seeds - 1} have the sha256
`{m.golden.sha256}`.

## The discriminator

`discriminator.onnx` outputs a logit. `1 / (1 + exp(-({m.calibration.slope:.4f} * logit + {m.calibration.intercept:.4f})))` is the probability that a
picture is real, calibrated on {m.calibration.pictures:,} real test pictures and as many generated ones.{_any_label(m)}

## Limits

The generator only draws what {m.dataset.title} contains, with the biases of that dataset. Its pictures do not document
anything real, such as a person's handwriting.{_few(m)}
"""


def _population(m: Manifest) -> str:
    """Return how the version was chosen from several runs."""
    found = m.population
    if found is None:
        return ""
    overrides = ", ".join(f"`{name}` {value}" for name, value in found.overrides.items())
    failed = f" and {found.failed} failed" if found.failed else ""
    return f"\n\nThis is run {found.run} of {found.runs} ({overrides}), of which {found.stopped} were stopped early{failed}. {found.rule}"


def _warning(m: Manifest) -> str:
    """Return a warning about a generator that copies its training pictures."""
    found = copying.warning(m.metrics)
    return f"\n> **Warning.** {found}\n" if found else ""


def _few(m: Manifest) -> str:
    """Return the limits of a generator that was trained on few pictures."""
    if m.spec.get("preset") != "few":
        return ""
    return (
        " It was trained with the preset `few`, for 20 to 2,000 pictures:\nit mostly varies the pictures it has seen, and may copy "
        "some. The floors of the figures are uncertain if there are few test pictures."
    )


def _pictures(m: Manifest) -> str:
    """Return the section of evaluation pictures."""
    captions = {
        FAILURES: "The 64 pictures that the judge is least certain to show the requested class, the least certain first:",
        NEIGHBOURS: "The 40 pictures nearest to a training picture, each followed by that picture:",
        CURVES: "Training curves:",
        RELIABILITY: "Fraction of real pictures by the probability that the discriminator assigned, on pictures that were not used for "
        "the calibration:",
    }
    shown = [f"{text}\n\n![{name.partition('.')[0]}]({name})\n\n" for name, text in captions.items() if name in m.files]
    return "".join(shown)


def _gate(m: Manifest) -> str:
    """Return the section on the comparison with the champion, if there was one."""
    if m.gate is None:
        return ""
    columns = f"| figure | this generator | version {m.gate.champion}, the champion at the time |"
    rows = [
        f"| {name} | {_number(figure.value)} | {_number(m.gate.champion_figures[name].value)} |"
        for name, figure in m.gate.figures.items()
        if name in m.gate.champion_figures
    ]
    table = "\n".join([columns, "|---|---|---|", *rows]) + "\n\n" if rows else ""
    return f"""## Comparison with the champion

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
        " Without a label, use the mean logit\nover all labels, with the numbers "
        f"{m.calibration_any.slope:.4f} and {m.calibration_any.intercept:.4f}."
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
