"""Serves the web pages that `npm run build` wrote into app/static.

The pages are a single-page application: one document, whose script reads the URL. Some URLs are both pages and API calls.
`/models` returns a page to browsers and JSON to other clients, depending on the Accept header. Browsers that request an
unknown URL get the document with status 404, and its script shows that the page does not exist.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.asgi_scope import ROUTE
from app.http import caching, link_preview

OWN = re.compile(r"/(explore|gallery|breed|find|draw|train|play|learn)?")
"""Paths that are always pages."""
SHARED = re.compile(r"/interpolate|/sharpen|/datasets|/models(/[^/]+(/versions/[^/]+)?)?")
"""Paths that are API calls, and pages for clients that accept HTML."""
HASHED = "/assets/"
"""Folder of files with a content hash in their names, which clients may cache for a year."""
WORKER = "/service-worker.js"
"""The script that opens pages without the service. Its policy allows it to fetch them, and nothing else."""
WORKER_POLICY = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
LANGUAGES = ("en", "ru")
_FAVICON, _ROBOTS = "/favicon.ico", "/robots.txt"
_ICON = re.compile(r"/assets/icon-[^/]+\.svg")
_ROBOTS_TEXT = """User-agent: *
Disallow: /admin
Disallow: /generate
Disallow: /plane
Disallow: /film
Disallow: /embed
Disallow: /quiz
Disallow: /discriminate
Disallow: /nearest
"""
"""Keeps crawlers out of the billions of addresses of pictures."""
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LANG, _BASE = '<html lang="en">', '<base href="/" />'
"""Placeholders in the built document for the language and the base path."""
_PREVIEW = "<!--preview-->"
"""Placeholder for the Open Graph tags."""
_REFUSED = re.compile(r"q\s*=\s*0(\.0{0,3})?")
_UNBUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Seedling</title></head>
<body>
<h1>Seedling</h1>
<p>The service is running, but its web pages are not built. Run <code>make pages</code> in the source folder and reload.</p>
<p>The API is documented at <a href="docs">/docs</a>. Example: <a href="generate?seed=42&amp;scale=8">seed 42</a>.</p>
</body>
</html>
"""


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str
    compressed: dict[str, bytes]
    """Compressed content by content coding, in order of preference."""


class Pages:
    """ASGI middleware that serves the pages and their files, and passes other requests to the application.

    Args:
        app: the wrapped application.
        folder: the output of the build. While it is missing, each request checks for it again.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder
        self._files: dict[str, _File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        root = str(scope.get("root_path", ""))
        path, headers = scope["path"].removeprefix(root), Headers(scope=scope)
        shared = SHARED.fullmatch(path) is not None
        canonical = path.rstrip("/").lower()
        if path not in ("/", canonical) and OWN.fullmatch(canonical):
            query = scope["query_string"].decode("latin-1")
            location = f"{root}{canonical}{'?' if query else ''}{query}"
            await RedirectResponse(location, 308)(scope, receive, send)
            return
        if path in (_FAVICON, _ROBOTS):
            scope[ROUTE] = "asset"
            await self._site_file(path)(scope, receive, send)
            return
        is_browser = bool(self._built()) and "text/html" in headers.get("Accept", "")
        if OWN.fullmatch(path) or (shared and is_browser):
            scope[ROUTE] = "page"
            await self._document(root, path, scope)(scope, receive, send)
        elif path in self._built():
            scope[ROUTE] = "asset"
            await self._file(path, headers)(scope, receive, send)
        elif is_browser:
            await self._call_or_not_found(root, scope, receive, send)
        else:
            await self.app(scope, receive, _varying(send) if shared else send)

    async def _call_or_not_found(self, root: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a browser's request to the application. If no route matches, respond with the document and status 404."""
        not_found = False

        async def watched_send(message: Message) -> None:
            nonlocal not_found
            if message["type"] == "http.response.start":
                not_found = message["status"] == 404 and not scope.keys() & {"route", ROUTE}
            if not not_found:
                await send(message)

        await self.app(scope, receive, watched_send)
        if not_found:
            document = self._document(root, "/", scope, status=404)  # not scope["root_path"]: mounts extend it
            await document(scope, receive, send)

    def _built(self) -> dict[str, _File]:
        """Return the files of the build by path, or an empty mapping without a build."""
        if not self._files and (self.folder / "index.html").is_file():
            self._files = {f"/{path.relative_to(self.folder)}": _read(path) for path in _originals(self.folder)}
        return self._files

    def _document(self, root: str, path: str, scope: Scope, status: int = 200) -> Response:
        """Return the document in the requested language, with the Open Graph tags of the address."""
        built, headers = self._built(), Headers(scope=scope)
        language = preferred_language(headers.get("Accept-Language", ""))
        text = built["/index.html"].content.decode() if built else _UNBUILT
        text = text.replace(_LANG, f'<html lang="{language}">' if built else _LANG).replace(_BASE, f'<base href="{root}/" />')
        if _PREVIEW in text:
            query = scope["query_string"] if status == 200 else b""
            text = text.replace(_PREVIEW, link_preview.tags(link_preview.origin_of(scope), root, path, query, language))
        sent = {"Cache-Control": caching.REVALIDATE, "Vary": "Accept, Accept-Encoding, Accept-Language", **SECURITY}
        if status != 200:
            return Response(text, status, media_type="text/html; charset=utf-8", headers=sent)
        content = text.encode()
        if "gzip" in _codings(headers):
            # It holds no secret that its compressed length could reveal (BREACH): only the address that the client sent.
            content, sent["Content-Encoding"] = gzip.compress(content, mtime=0), "gzip"
        return _conditional(content, "text/html; charset=utf-8", sent, headers)

    def _site_file(self, path: str) -> Response:
        """Return a file that browsers or crawlers request by themselves: the icon (204 without a build) or robots.txt."""
        headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
        if path == _ROBOTS:
            return Response(_ROBOTS_TEXT, media_type="text/plain; charset=utf-8", headers=headers)
        icon = next((file for name, file in self._built().items() if _ICON.fullmatch(name)), None)
        if icon is None:
            return Response(status_code=204, headers=headers)
        return Response(icon.content, media_type=icon.media_type, headers=headers)

    def _file(self, path: str, headers: Headers) -> Response:
        file = self._built()[path]
        sent = {"Cache-Control": caching.policy(pinned=path.startswith(HASHED)), "Vary": "Accept-Encoding"}
        sent["X-Content-Type-Options"] = "nosniff"
        if path == WORKER:
            sent["Content-Security-Policy"] = WORKER_POLICY
        content = file.content
        accepted = _codings(headers)
        coding = next((coding for coding in file.compressed if coding in accepted), None)
        if coding:
            content, sent["Content-Encoding"] = file.compressed[coding], coding
        return _conditional(content, file.media_type, sent, headers)


def _codings(headers: Headers) -> set[str]:
    """Return the content codings that a client accepts, apart from those with q=0 (RFC 9110 12.5.3)."""
    parts = [part.partition(";") for part in headers.get("Accept-Encoding", "").split(",")]
    return {name.strip().lower() for name, _, weight in parts if not _REFUSED.fullmatch(weight.strip())}


def preferred_language(accepted: str) -> str:
    """Return the best available language for an Accept-Language header (RFC 9110 12.5.4). Defaults to English."""
    best, quality = LANGUAGES[0], 0.0
    for part in accepted.split(","):
        tag, _, parameter = part.strip().partition(";")
        match = re.fullmatch(r"\s*q=(0(\.\d{0,3})?|1(\.0{0,3})?)", parameter) if parameter else None
        weight = float(match[1]) if match else 1.0 if not parameter else 0.0
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and weight > quality:
            best, quality = language, weight
    return best


def _originals(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".br", ".gz")]


def _read(path: Path) -> _File:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/javascript", "image/svg+xml")
    others = {"br": path.with_name(f"{path.name}.br"), "gzip": path.with_name(f"{path.name}.gz")}
    return _File(
        path.read_bytes(),
        f"{kind}; charset=utf-8" if text else kind,
        {coding: other.read_bytes() for coding, other in others.items() if other.is_file()},
    )


def _conditional(content: bytes, media_type: str, sent: dict[str, str], headers: Headers) -> Response:
    """Return the content, or 304 if the request's If-None-Match matches its entity tag."""
    sent["ETag"] = caching.etag_of_content(content)
    if caching.matches(headers.getlist("If-None-Match"), sent["ETag"]):
        return Response(status_code=304, headers=sent)
    return Response(content, media_type=media_type, headers=sent)


def _varying(send: Send) -> Send:
    """Add Vary: Accept to a response."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Accept")
        await send(message)

    return send_varying
