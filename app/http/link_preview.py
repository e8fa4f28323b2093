"""Open Graph tags: what chats and social networks show for the address of a page (https://ogp.me).

The tags are made of the address alone, so that a page is served without drawing anything. `app.api.preview` draws the picture,
and shows the start page for whatever is invalid. All texts from the address are escaped, and their length is bounded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Scope

WIDTH, HEIGHT = 1200, 630
"""Of the picture, see `app.sampling.preview`."""
MAX_QUERY = 4_500
"""Characters of the parameters in a tag: enough for a drawing of the page Find.

The tags of a longer address are those of its page without parameters.
"""
MAX_SHOWN = 60
"""Characters of a parameter in a title."""
_SETTINGS = ("label", "psi", "edit", "model", "version")
_EXPLORE = ("seed", "x", "y", "zoom", "z", "dz", *_SETTINGS)
_STATE: dict[str, tuple[str, ...]] = {
    "/": _EXPLORE,
    "/explore": _EXPLORE,
    "/find": ("drawing", "model", "version"),
    "/gallery": ("seeds", *_SETTINGS),
    "/interpolate": ("keyframes", "method", "loop", "model", "version"),
    "/breed": ("parents", "from", *_SETTINGS),
}
"""The parameters that a preview shows, in the order in which they are written. For other pages, only the version."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_MODEL = re.compile(r"/models/([a-z0-9][a-z0-9_-]{0,63})(?:/versions/(\d{1,9}))?")
_LOCALES = {"en": "en_GB", "ru": "ru_RU"}
Texts = Mapping[str, str]
_TEXTS: dict[str, Texts] = {
    "en": {
        "start": "Every number is a picture",
        "about": "A GAN draws a 28x28 picture for every number: the same today, tomorrow and on the next machine.",
        "seed": "Picture of seed {}",
        "point": "Between seeds, at {}, {}",
        "latent": "Custom latent",
        "changed": "Seed {} with an edited latent",
        "drawing": "A drawing, and the seeds most like it",
        "seeds": "Pictures of the seeds {}",
        "film": "From seed {} to seed {}",
        "parents": "Children of {}",
        "version": "The generator {}",
        "/gallery": "A wall of seeds",
        "/interpolate": "A film between seeds",
        "/breed": "Children of pictures",
        "/find": "Draw something, and find its seed",
        "/draw": "Draw your own dataset",
        "/datasets": "Datasets",
        "/train": "Train a new version",
        "/play": "Real or generated?",
        "/sharpen": "Sharpen a picture",
        "/models": "Models",
        "/learn": "How a GAN works",
    },
    "ru": {
        "start": "Каждое число — картинка",
        "about": "GAN рисует картинку 28x28 для каждого числа: одну и ту же сегодня, завтра и на любой машине.",
        "seed": "Картинка для зерна {}",
        "point": "Между зёрнами, в точке {}, {}",
        "latent": "Заданный латентный вектор",
        "changed": "Зерно {}, латентный вектор изменён",
        "drawing": "Рисунок и самые похожие на него зёрна",
        "seeds": "Картинки для зёрен {}",
        "film": "От зерна {} к зерну {}",
        "parents": "Дети {}",
        "version": "Генератор {}",
        "/gallery": "Стена зёрен",
        "/interpolate": "Фильм между зёрнами",
        "/breed": "Дети картинок",
        "/find": "Нарисуйте что-нибудь и найдите зерно",
        "/draw": "Нарисуйте свой набор данных",
        "/datasets": "Наборы данных",
        "/train": "Обучение новой версии",
        "/play": "Настоящая или сгенерированная?",
        "/sharpen": "Повышение резкости",
        "/models": "Модели",
        "/learn": "Как устроена GAN",
    },
}


def origin_of(scope: Scope) -> str:
    """Return the origin that a client used, such as https://example.org, or an empty text if its Host header is unusual.

    The scheme is that of X-Forwarded-Proto, if a trusted proxy sent it (uvicorn).
    """
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    scheme = scope["scheme"] if scope["scheme"] in ("http", "https") else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else ""


@functools.lru_cache(maxsize=256)
def tags(origin: str, root: str, path: str, query: bytes, language: str) -> str:
    """Return the Open Graph tags of a page as HTML.

    Args:
        origin: scheme and host, see `origin_of`.
        root: the path under which the service is mounted.
        path: the path of the page.
        query: the query of its address, as sent.
        language: en or ru.
    """
    given = _state(path, query)
    texts = _TEXTS[language]
    shown = _written(given)
    address = f"{origin}{root}{path}"
    picture = f"{origin}{root}/preview.png?page={quote(path, safe='/')}"
    title = _title(path, given, texts)
    found = {
        "og:type": "website",
        "og:site_name": "Seedling",
        "og:locale": _LOCALES[language],
        "og:title": title,
        "og:description": texts["about"],
        "og:url": f"{address}?{shown}" if shown else address,
        "og:image": f"{picture}&{shown}" if shown else picture,
        "og:image:type": "image/png",
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": title,
    }
    lines = [f'<meta property="{name}" content="{escape(value)}" />' for name, value in found.items()]
    return "\n    ".join([*lines, '<meta name="twitter:card" content="summary_large_image" />'])


def _state(path: str, query: bytes) -> dict[str, str]:
    """Return the parameters that the preview of a page shows. Empty if they are too long or not UTF-8."""
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=100)
    except ValueError:
        return {}
    given, known = dict(pairs), _STATE.get(path, ("model", "version"))
    model = _MODEL.fullmatch(path)
    if model:
        given = {"model": model[1], **({"version": model[2]} if model[2] else {})}
    state = {name: given[name] for name in known if given.get(name)}
    return state if len(_written(state)) <= MAX_QUERY else {}


def _written(state: Mapping[str, str]) -> str:
    return urlencode(state, safe=",:~!()", quote_via=quote)


def _title(path: str, state: Mapping[str, str], texts: Texts) -> str:
    """Return the title of a page. Its parts of the address are shortened, and without control characters."""
    model = _MODEL.fullmatch(path)
    if model:
        return texts["version"].format("/".join(filter(None, model.groups())))
    title = _STATED.get(path, _untitled)(state, texts)
    return title or texts.get(path, texts["start"])


def _untitled(state: Mapping[str, str], texts: Texts) -> str:
    return ""


def _explore(state: Mapping[str, str], texts: Texts) -> str:
    if "z" in state:
        return texts["latent"]
    if "seed" in state or ("x" not in state and ("dz" in state or "edit" in state)):
        return texts["changed" if "dz" in state else "seed"].format(_shown(state.get("seed", "42")))
    if "x" in state:
        return texts["point"].format(_shown(state["x"]), _shown(state.get("y", "0")))
    return ""


def _find(state: Mapping[str, str], texts: Texts) -> str:
    return texts["drawing"] if "drawing" in state else ""


def _gallery(state: Mapping[str, str], texts: Texts) -> str:
    return texts["seeds"].format(_shown(state["seeds"])) if "seeds" in state else ""


def _interpolate(state: Mapping[str, str], texts: Texts) -> str:
    keyframes = [entry.partition("~")[0] for entry in state.get("keyframes", "").split(",")]
    return texts["film"].format(_shown(keyframes[0]), _shown(keyframes[-1])) if len(keyframes) > 1 else ""


def _breed(state: Mapping[str, str], texts: Texts) -> str:
    return texts["parents"].format(_shown(state["parents"])) if "parents" in state else ""


_STATED: dict[str, Callable[[Mapping[str, str], Texts], str]] = {
    "/": _explore,
    "/explore": _explore,
    "/find": _find,
    "/gallery": _gallery,
    "/interpolate": _interpolate,
    "/breed": _breed,
}


def _shown(text: str) -> str:
    printable = "".join(character for character in text if character.isprintable())
    return printable if len(printable) <= MAX_SHOWN else f"{printable[: MAX_SHOWN - 1]}…"
