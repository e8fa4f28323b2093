"""Runs the inference requests of the Open Inference Protocol, with the same batches, lanes and limits as `/generate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from numpy.typing import NDArray

from app.api.inference.inputs import Rows, Scored, generator_rows, scored_rows, sharpener_rows
from app.api.inference.models import InferenceModel
from app.api.inference.tensors import InferenceRequest, read_request, write_response
from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import probability
from app.sampling.chunks import CHUNK, Steps
from app.sampling.generator import SIDE
from app.sampling.response_cache import RenderedResponse
from app.scheduler import Scheduler

Result = TypeVar("Result")
Outputs = Mapping[str, NDArray[Any]]
MOST_INLINE = 16 * 1024
"""Bytes of a body that is decoded in the event loop, within a millisecond. Larger ones are decoded in a thread."""


async def infer(request: Request, scheduler: Scheduler, model: InferenceModel, number: int, body: bytes) -> RenderedResponse:
    """Respond to an inference request.

    Args:
        request: the request.
        scheduler: draws the pictures.
        model: the model.
        number: its version.
        body: the body of the request.

    Raises:
        InvalidRequest, RequestValidationError, TooMuch: see `read_request` and `app.api.inference.inputs`.
        VersionUnusable: the version does not match its manifest.
        Overloaded, Busy, ClientGone: see `Scheduler`.
    """

    async def decode(work: Callable[[], Result]) -> Result:
        return work() if len(body) <= MOST_INLINE else await scheduler.score(request, work)

    json_length = request.headers.get("Inference-Header-Content-Length")
    parsed = await decode(partial(read_request, body, json_length))
    parsed.wanted({spec.name: None for spec in model.outputs()})  # before anything is drawn
    name, version = model.view.name, str(number)

    def encode(outputs: Outputs) -> RenderedResponse:
        content, headers = write_response(model.name, number, parsed, outputs)
        media_type = "application/octet-stream" if headers else "application/json"
        return RenderedResponse(content, {**headers, "Content-Type": media_type, "X-Model": f"{model.name}/{number}"})

    if model.kind == "discriminate":
        discriminator = await scheduler.discriminator(await scheduler.generator(name, version))
        scored = await decode(lambda: scored_rows(parsed.inputs, discriminator.classes))
        runs = scored.count * scored.passes  # what it costs, for the rate limit; counted as pictures of the discriminator
        return await scheduler.perform(request, _score(discriminator, scored, encode), pictures=runs, pixels=runs * SIDE**2)
    rows = await decode(await _reader(scheduler, model, version, parsed))
    if rows.count == 1:
        pixels = await scheduler.draw_point(request.scope, rows.generator, rows.points(slice(0, 1))[0])
        return encode({"image": pixels[None]})
    return await scheduler.perform(request, _draw(rows, encode), pictures=rows.count, pixels=rows.count * SIDE**2)


async def _reader(scheduler: Scheduler, model: InferenceModel, version: str, parsed: InferenceRequest) -> Callable[[], Rows]:
    if model.kind == "sharpen":
        sharpener = await scheduler.sharpener(model.view.name, version)
        return lambda: sharpener_rows(parsed.inputs, sharpener)
    generator = await scheduler.generator(model.view.name, version)
    return lambda: generator_rows(parsed.inputs, generator)


def _draw(rows: Rows, encode: Callable[[Outputs], RenderedResponse]) -> Steps[RenderedResponse]:
    """Draw pictures in chunks. Return a function that encodes the response."""
    pixels = np.empty((rows.count, SIDE, SIDE), dtype=np.uint8)
    done, size = 0, CHUNK
    while done < rows.count:
        part = slice(done, min(done + size, rows.count))
        pixels[part] = rows.generator.draw(rows.points(part))
        done = part.stop
        size = (yield) or CHUNK
    return lambda: encode({"image": pixels})


def _score(
    discriminator: LoadedDiscriminator, scored: Scored, encode: Callable[[Outputs], RenderedResponse]
) -> Steps[RenderedResponse]:
    """Score pictures in chunks, each alone or as every class. Return a function that encodes the response."""
    logits = np.empty(scored.count, dtype=np.float32)
    each = max(1, CHUNK // scored.passes)
    pictures, passes = scored.pictures, scored.passes
    for start in range(0, scored.count, each):
        chosen = range(start, min(start + each, scored.count))
        images = np.stack([pictures[index if len(pictures) > 1 else 0] for index in chosen]).repeat(passes, axis=0)
        labels = [row for index in chosen for row in scored.labels[index if len(scored.labels) > 1 else 0]]
        found = discriminator.logits(images, labels).astype(np.float64).reshape(-1, passes)
        logits[start : start + len(chosen)] = found.mean(axis=1)
        yield
    manifest = discriminator.manifest
    calibration = manifest.calibration if scored.is_labelled else manifest.calibration_any or manifest.calibration
    chances = np.array([probability(logit, calibration) for logit in logits.tolist()], dtype=np.float32)
    return lambda: encode({"logit": logits, "probability": chances})
