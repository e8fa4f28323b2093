"""The page /docs: Swagger UI with the theme that the other pages have."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

ASSETS = "/static-offline-docs"
"""Where FastAPIOffline serves the script and the style sheet of Swagger UI."""
_THEME = """<script>
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)")
  const apply = () => {
    let chosen = null
    try { chosen = localStorage.getItem("seedling-theme") } catch { /* storage is blocked */ }
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches)
    document.documentElement.classList.toggle("dark-mode", isDark)
  }
  dark.addEventListener("change", apply)
  apply()
})()
</script>
"""
"""Swagger UI has a dark theme, but no control for it in the layout of FastAPI."""


def install(app: FastAPI) -> None:
    """Add the route, which FastAPIOffline must not have added itself."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - Swagger UI",
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
            swagger_ui_parameters=app.swagger_ui_parameters,
        )
        head = b"</head>"
        return HTMLResponse(bytes(page.body).replace(head, _THEME.encode() + head, 1))
