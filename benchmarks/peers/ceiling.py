"""The ceiling: a FastAPI route that reads a seed and returns a constant picture."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI, Response

PICTURE = Path(os.environ["BENCH_PICTURE"]).read_bytes()
app = FastAPI()


@app.get("/generate")
async def generate(seed: int) -> Response:
    return Response(PICTURE, media_type="image/png")
