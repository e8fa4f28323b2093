"""The models of the Open Inference Protocol: their names, their tensors, and what they compute.

A version of the task `generate` has two networks, and a model of the protocol has one set of inputs and outputs. So the
discriminator of `digits` is a model of its own, `digits-discriminator`. It has the versions of `digits`, whose aliases apply to
both, and a client that lists the models finds it. A parameter of `digits` that selects the network would be invisible to
clients: they read inputs and outputs from the metadata. A published model with the same name takes precedence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.errors import NotFound, VersionUnusable
from app.registry import ModelView, Registry
from app.sampling.generator import SIDE
from models.manifest import Manifest
from models.version import Version

Kind = Literal["generate", "sharpen", "discriminate"]
SUFFIX = "-discriminator"
MAX_NAME = 64 + len(SUFFIX)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a model, in the datatype that the metadata name."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    is_optional: bool = False


@dataclass(frozen=True)
class InferenceModel:
    """A model of the protocol."""

    name: str
    view: ModelView
    kind: Kind

    @property
    def numbers(self) -> list[int]:
        """Every version, refused ones included, ascending."""
        return self.view.numbers

    def inputs(self, manifest: Manifest) -> tuple[TensorSpec, ...]:
        """Return the inputs. Of `seed` and `z`, a request has one."""
        label = (TensorSpec("label", "INT32", (-1,), is_optional=True),) if manifest.classes else ()
        if self.kind == "discriminate":
            return (TensorSpec("image", "UINT8", (-1, SIDE, SIDE)), *label)
        if self.kind == "sharpen":
            return (
                TensorSpec("seed", "UINT32", (-1,)),
                TensorSpec("image", "UINT8", (-1, -1, -1)),
                TensorSpec("factor", "BYTES", (-1,), is_optional=True),
            )
        return (
            TensorSpec("seed", "UINT32", (-1,), is_optional=True),
            TensorSpec("z", "FP32", (-1, manifest.z_dim), is_optional=True),
            *label,
            TensorSpec("psi", "FP32", (-1,), is_optional=True),
        )

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return the outputs."""
        if self.kind == "discriminate":
            return TensorSpec("logit", "FP32", (-1,)), TensorSpec("probability", "FP32", (-1,))
        return (TensorSpec("image", "UINT8", (-1, SIDE, SIDE)),)


def find(registry: Registry, name: str) -> InferenceModel:
    """Return a model by name.

    Raises:
        NotFound: there is no such model.
        VersionUnusable: there are no models.
    """
    known = registry.models()
    base = name.removesuffix(SUFFIX)
    if name not in known and name != base and base in known and known[base].task == "generate":
        return InferenceModel(name, known[base], "discriminate")
    if name not in known and known:
        raise NotFound(f"There is no model {name[:80]!r}. Choose one of {', '.join(model.name for model in listed(registry))}.")
    view = registry.model(name)
    return InferenceModel(name, view, view.task)


def listed(registry: Registry) -> Iterator[InferenceModel]:
    """Yield all models."""
    known = registry.models()
    for name, view in known.items():
        yield InferenceModel(name, view, view.task)
        if view.task == "generate" and name + SUFFIX not in known:
            yield InferenceModel(name + SUFFIX, view, "discriminate")


def usable(registry: Registry, model: InferenceModel, version: str | None) -> Version:
    """Return a version of a model. The default is the champion.

    Raises:
        NotFound: the version does not exist.
        VersionUnusable: the version is refused, or every version is.
    """
    number = registry.number(model.view, version)
    reason = registry.refusal(model.view, number)
    if reason is not None or number not in model.view.versions:
        raise VersionUnusable(reason or f"Version {number} of {model.view.name} cannot be read. Publish it again.")
    return model.view.versions[number]
