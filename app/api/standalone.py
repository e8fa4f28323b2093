"""A version as files for drawing elsewhere: `generator.onnx`, and one HTML document that needs neither service nor network."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import html
import json
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.api.dependencies import BINARY, LookupOf
from app.api.models import CACHEABLE, Name, Number, cacheable, find, read
from app.errors import NotFound, TaskMismatch
from app.http import caching
from models.manifest import GENERATOR
from models.version import Version

router = APIRouter(tags=["models"])
SCRIPT, STYLE = "standalone/standalone.js", "standalone/standalone.css"
"""Written by the build of the pages."""
_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}: every number is a picture</h1>
<canvas id="picture" width="28" height="28" role="img" aria-label="Picture of the seed"></canvas>
<label>Seed <input id="seed" value="42" maxlength="128" autocomplete="off"></label>
<label>Class <select id="label"><option value="">from the seed</option>{options}</select></label>
<label>Truncation (psi) <input id="psi" type="number" min="0" max="2" step="0.1" value="1"></label>
<button id="dice" type="button">Random seed</button>
<button id="save" type="button">Save PNG</button>
<output id="state">Loading</output>
</header>
<canvas id="plane" tabindex="0" aria-label="Plane of seeds. Drag, use the arrow keys, or click a picture."></canvas>
<script type="application/json" id="description">{description}</script>
<script type="text/plain" id="generator">{generator}</script>
<script>{script}</script>
</body>
</html>
"""


@router.get(
    "/models/{name}/versions/{version}/generator.onnx",
    summary="Download a generator",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": BINARY}}, **CACHEABLE},
)
async def download_generator(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns the generator in ONNX. Its inputs are described in docs/seeds.md."""
    _, found = await find(lookup, name, version)
    content = await to_thread.run_sync(read, found, found.file(GENERATOR))
    return cacheable(request, content, "application/octet-stream", caching.policy(pinned=version.isdecimal()))


@router.get(
    "/models/{name}/versions/{version}/standalone.html",
    summary="Download a version as a single document",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **CACHEABLE},
)
async def download_standalone(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns an HTML document that draws every seed of the version without a network, with the same pixels."""
    _, found = await find(lookup, name, version)
    if found.manifest.task != "generate":
        raise TaskMismatch(f"{found.name} sharpens pictures. Choose a model that draws them, such as digits.")
    folder: Path = request.app.state.settings.pages
    content = await to_thread.run_sync(_document, found, folder)
    # not pinned: another release has another script
    response = cacheable(request, content, "text/html; charset=utf-8", caching.REVALIDATE)
    response.headers["Content-Security-Policy"] = f"{_policy(folder)}; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _sources(folder: Path) -> tuple[str, str]:
    """Return the script and the style sheet."""
    try:
        return (folder / SCRIPT).read_text(), (folder / STYLE).read_text()
    except FileNotFoundError:
        raise NotFound("The pages are not built, and the document needs their script. Run make pages.") from None


def _policy(folder: Path) -> str:
    """Return a Content-Security-Policy that allows exactly the inline script and style of the document."""
    script, style = (
        base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in map(_inlined, _sources(folder))
    )
    return f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'"


def _inlined(source: str) -> str:
    """Return a script or style that can be part of a document."""
    return source.strip().replace("</", "<\\/")


def _document(version: Version, folder: Path) -> bytes:
    manifest = version.manifest
    script, style = map(_inlined, _sources(folder))
    title = f"{version.name}/{version.number}"
    description = {
        "title": title,
        "zDim": manifest.z_dim,
        "classes": manifest.classes,
        "golden": manifest.golden.model_dump(),
    }
    options = "".join(f'<option value="{index}">{html.escape(label)}</option>' for index, label in enumerate(manifest.classes))
    return _DOCUMENT.format(
        policy=html.escape(_policy(folder), quote=False),
        title=html.escape(title),
        style=style,
        options=options,
        description=json.dumps(description).replace("<", "\\u003c"),
        generator=_packed(version.file(GENERATOR), manifest.files[GENERATOR]),
        script=script,
    ).encode()


@functools.lru_cache(maxsize=2)
def _packed(path: Path, _digest: str) -> str:
    """Return a file in gzip and base64. Compressing takes 0.1 s."""
    return base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode()
