"""The generator served with LitServe as in its documentation: setup, decode_request, predict, encode_response."""

import io
import os
import sys

import litserve as ls
import numpy as np
import onnxruntime
from fastapi import Response
from PIL import Image


class Generator(ls.LitAPI):
    """Returns one picture per request."""

    def setup(self, device: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_GENERATOR"], options)
        self.z_dim, self.classes = (tensor.shape[1] for tensor in self.session.get_inputs())

    def decode_request(self, request):  # LitServe would parse the request according to an annotation
        return int(request["seed"])

    def predict(self, x: int) -> object:
        random = np.random.RandomState(x)
        z = random.standard_normal((1, self.z_dim)).astype(np.float32)
        label = np.zeros((1, self.classes), dtype=np.float32)
        label[0, random.randint(self.classes)] = 1
        return self.session.run(None, {"z": z, "label": label})[0][0, 0]

    def encode_response(self, output) -> Response:
        out = io.BytesIO()
        Image.fromarray(np.rint(output * 255).astype(np.uint8)).save(out, format="PNG")
        return Response(content=out.getvalue(), headers={"Content-Type": "image/png"})


if __name__ == "__main__":
    ls.LitServer(Generator(), accelerator="cpu").run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning", access_log=False
    )
