"""python -m app: read the settings, start uvicorn."""

from __future__ import annotations

import argparse
import sys

import uvicorn
from pydantic import ValidationError

from app import __version__
from app.settings import Settings


def help_text() -> str:
    """Every setting with its default and what it is."""
    lines = []
    for name, field in Settings.model_fields.items():
        described = " ".join((field.description or "").split())
        lines.append(f"  GAN_{name.upper()}={field.default}\n      {described}")
    return "Settings, from the environment:\n\n" + "\n".join(lines)


def main() -> None:
    """Start the service in the foreground."""
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Serve generated pictures: GET /generate?seed=42.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Seedling {__version__}")
    parser.parse_args()
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            sys.stderr.write(f"GAN_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}. See python -m app --help.\n")
        raise SystemExit(2) from error
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_level=settings.log_level,
        access_log=settings.access_log,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
    )


if __name__ == "__main__":
    main()
