"""A generator served with FastAPI as in tutorials: seed, session, Pillow, response. As `def` and as `async def`."""

from __future__ import annotations

import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, Response
from PIL import Image

app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1  # a second thread would use the core of the load generator
session = onnxruntime.InferenceSession(os.environ["BENCH_GENERATOR"], options)
Z_DIM, CLASSES = session.get_inputs()[0].shape[1], session.get_inputs()[1].shape[1]


def draw(seed: int) -> bytes:
    random = np.random.RandomState(seed)
    z = random.standard_normal((1, Z_DIM)).astype(np.float32)
    label = np.zeros((1, CLASSES), dtype=np.float32)
    label[0, random.randint(CLASSES)] = 1
    image = session.run(None, {"z": z, "label": label})[0][0, 0]
    out = io.BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(out, format="PNG")
    return out.getvalue()


@app.get("/def")
def in_a_thread(seed: int) -> Response:
    return Response(draw(seed), media_type="image/png")


@app.get("/async")
async def in_the_loop(seed: int) -> Response:
    return Response(draw(seed), media_type="image/png")
