"""python -m app: read the settings, start uvicorn."""

from __future__ import annotations

import argparse
import copy
import os
import sys
from typing import Any

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


def _logging(level: str) -> dict[str, Any]:
    """Uvicorn's own logging, with the service's messages in the same shape."""
    config = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["loggers"] |= {
        name: {"handlers": ["default"], "level": level.upper(), "propagate": False} for name in ("seedling", "models")
    }
    return config


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
    unknown = {name for name in os.environ if name.startswith("GAN_")} - {f"GAN_{n.upper()}" for n in Settings.model_fields}
    for name in sorted(unknown):
        sys.stderr.write(f"{name} is no setting of Seedling and is not heeded. See python -m app --help.\n")
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=_logging(settings.log_level),
        log_level=settings.log_level,
        access_log=settings.access_log,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        root_path=settings.root_path,
        server_header=False,
    )


if __name__ == "__main__":
    main()
