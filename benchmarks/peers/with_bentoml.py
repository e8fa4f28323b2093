"""The generator served with BentoML as in its documentation: a service class whose API returns a Pillow image."""

from __future__ import annotations

import os
from typing import Annotated

import bentoml
import numpy as np
import onnxruntime
from PIL import Image
from PIL.Image import Image as Picture


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Generator:
    """Returns one picture per request."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_GENERATOR"], options)
        self.z_dim, self.classes = (tensor.shape[1] for tensor in self.session.get_inputs())

    @bentoml.api
    def generate(self, seed: int) -> Annotated[Picture, bentoml.validators.ContentType("image/png")]:
        random = np.random.RandomState(seed)
        z = random.standard_normal((1, self.z_dim)).astype(np.float32)
        label = np.zeros((1, self.classes), dtype=np.float32)
        label[0, random.randint(self.classes)] = 1
        image = self.session.run(None, {"z": z, "label": label})[0][0, 0]
        return Image.fromarray(np.rint(image * 255).astype(np.uint8))
