"""`/embed`: a small page with one picture, a part of the plane, or a film, for an iframe on another site.

It is the only page that other sites may frame. It has no script, no cookie, no form and no navigation: a frame cannot trick
anybody into an action, because the page has none. Everything that it shows is drawn by the routes for pictures.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.api.dependencies import SchedulerOf, read_query
from app.api.schemas.pictures import GenerateQuery, PlaneQuery
from app.api.schemas.sharing import FilmQuery
from app.errors import InvalidRequest, SeedlingError
from app.http import caching
from app.http.pages import preferred_language
from app.sampling import pictures
from app.sampling.interpolation import resolve_walk
from app.sampling.plane import resolve_window
from app.scheduler import Scheduler

router = APIRouter()
SIZE = 448
"""Width of the pictures of a seed and of a film, in pixels: 16 times their own."""
_STYLE = (
    ":root{color-scheme:light dark}"
    "*{box-sizing:border-box}"
    "html,body{height:100%;margin:0}"
    "body{display:flex;flex-direction:column;font:14px/1.4 system-ui,sans-serif;background:light-dark(#fff,#101512);"
    "color:light-dark(#141a16,#e8ede9)}"
    "a{color:inherit}"
    "a.picture{flex:1;min-height:0;display:block;background:#000}"
    "picture{display:contents}"
    "img{display:block;width:100%;height:100%;object-fit:contain;image-rendering:pixelated}"
    "p{margin:0;padding:.4em .7em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
    "p.fault{white-space:normal}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; img-src 'self'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors *"
)
"""Only pictures of the service and the style above. Any site may frame the page."""
_TEXTS = {
    "en": {
        "picture": "Picture of seed {}",
        "any": "A generated picture",
        "plane": "A part of the plane of seeds",
        "film": "A film from seed {} to seed {}",
        "open": "open in Seedling",
        "fault": "This picture cannot be embedded.",
    },
    "ru": {
        "picture": "Картинка для зерна {}",
        "any": "Сгенерированная картинка",
        "plane": "Часть плоскости зёрен",
        "film": "Фильм от зерна {} к зерну {}",
        "open": "открыть в Seedling",
        "fault": "Эту картинку нельзя встроить.",
    },
}


@dataclass(frozen=True)
class _Shown:
    """What an embedded page shows."""

    title: str
    source: str
    """Path and query of the picture."""
    page: str
    """Path and query of the page that it links to."""
    still: str | None = None
    """Of a film: path and query of its first frame, for readers who prefer reduced motion."""


@router.get("/embed", include_in_schema=False)
async def embed(request: Request, scheduler: SchedulerOf) -> Response:
    """The page. An invalid parameter gives a page with the error, which can be framed too, so that its author sees it."""
    root = str(request.scope.get("root_path", ""))
    language = preferred_language(request.headers.get("Accept-Language", ""))
    try:
        shown = await _shown(read_query(request.scope["query_string"]), scheduler, language)
    except SeedlingError as error:
        return _page(request, language, _fault(str(error), language), status=error.status)
    return _page(request, language, _body(shown, root, language))


async def _shown(query: dict[str, str], scheduler: Scheduler, language: str) -> _Shown:
    """Check the parameters against the generator that they name.

    Raises:
        SeedlingError: they are invalid. The message ends with the remedy.
    """
    show, texts = query.pop("show", "picture"), _TEXTS[language]
    try:
        match show:
            case "picture":
                wanted = GenerateQuery.model_validate({"seed": "42", **query} if "parents" not in query else query)
                if wanted.seeds is not None or wanted.format != "png" or wanted.scale != 1 or wanted.columns is not None:
                    raise InvalidRequest(
                        "An embedded picture has a single seed and a fixed size. Omit seeds, format, scale and columns."
                    )
                if wanted.parents is not None and wanted.child is None:
                    raise InvalidRequest("An embedded child needs a number. Add child=0.")
                pictures.resolve(wanted.drawing(), await scheduler.generator(wanted.model, wanted.version))
                title = texts["any"] if wanted.seed is None else texts["picture"].format(wanted.seed)
                source = _address("/generate", {**({} if wanted.parents else {"seed": "42"}), **query, "scale": "16"})
                opened = {**query, "from": query["child"]} if wanted.parents is not None else query
                opened.pop("child", None)
                return _Shown(title, source, _address("/breed" if wanted.parents is not None else "/", opened))
            case "plane":
                window = PlaneQuery.model_validate({"x": "42", "y": "0", **query})
                resolve_window(window.window(), await scheduler.generator(window.model, window.version))
                middle = {"x": window.x + window.columns // 2 * window.step, "y": window.y + window.rows // 2 * window.step}
                kept = _part(query, "label", "psi", "edit", "model", "version")
                opened = {**{name: f"{value:g}" for name, value in middle.items()}, **kept}
                source = _address("/plane", {"x": "42", "y": "0", "scale": "2", **query})
                return _Shown(texts["plane"], source, _address("/", opened))
            case "film":
                film = FilmQuery.model_validate({"keyframes": "5,17,99", **query})
                walk = film.walk("webp")
                resolve_walk(walk, await scheduler.generator(film.model, film.version))
                first, last = walk.keyframes[0].seeds[0], walk.keyframes[-1].seeds[0]
                versioned = _part(query, "model", "version")
                return _Shown(
                    texts["film"].format(first, last),
                    _address("/film.webp", {"keyframes": "5,17,99", **query}),
                    _address("/interpolate", query),
                    _address("/generate", {"seed": str(first), "scale": "16", **versioned}),
                )
            case _:
                raise InvalidRequest(f"There is no {show[:40]!r} to show. Choose picture, plane or film.")
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"]))
        raise InvalidRequest(f"{name[:80]}: {fault['msg']}. Correct or omit it.") from error


def _part(query: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: query[name] for name in names if name in query}


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query, safe=',:()~!', quote_via=quote)}" if query else path


def _body(shown: _Shown, root: str, language: str) -> str:
    def link(address: str) -> str:
        return escape(root + address)

    title, image = escape(shown.title), f'<img src="{link(shown.source)}" alt="{escape(shown.title)}">'
    if shown.still:
        still = f'<source media="(prefers-reduced-motion: reduce)" srcset="{link(shown.still)}">'
        image = f"<picture>{still}{image}</picture>"
    target = f'href="{link(shown.page)}" target="_blank" rel="noopener"'
    caption = f"<p>{title} · <a {target}>{_TEXTS[language]['open']}</a></p>"
    return f'<title>{title}</title></head><body><a class="picture" {target} aria-label="{title}">{image}</a>{caption}'


def _fault(message: str, language: str) -> str:
    text = _TEXTS[language]["fault"]
    return f'<title>{text}</title></head><body><p class="fault">{text} <span lang="en">{escape(message)}</span></p>'


def _page(request: Request, language: str, body: str, status: int = 200) -> Response:
    content = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style>{body}</body></html>"
    ).encode()
    tag = caching.etag_of_content(content)
    headers = {
        "ETag": tag,
        "Cache-Control": caching.REVALIDATE,
        "Content-Security-Policy": POLICY,
        "Vary": "Accept-Language",
    }
    if status == 200 and caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, status, media_type="text/html; charset=utf-8", headers=headers)
