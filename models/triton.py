"""The model configuration for NVIDIA Triton."""

from __future__ import annotations

from models.manifest import GENERATOR, Manifest


def triton_config(manifest: Manifest) -> str:
    """Return the `config.pbtxt` of a model with this manifest's inputs."""
    tensors = [("input", "z", f"{manifest.z_dim}")]
    if manifest.classes:
        tensors.append(("input", "label", f"{len(manifest.classes)}"))
    if manifest.task == "sharpen":
        tensors += [("input", "given", "1, 28, 28"), ("input", "kind", f"{len(manifest.degradations)}")]
    tensors.append(("output", "image", "1, 28, 28"))
    lines = [
        f'name: "{manifest.name}"',
        'backend: "onnxruntime"',
        f'default_model_filename: "{GENERATOR}"',
        "max_batch_size: 64",
    ]
    for kind, name, dims in tensors:
        lines.append(f'{kind} [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ {dims} ] }} ]')
    return "\n".join(lines) + "\n"
