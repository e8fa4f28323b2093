"""python -m app: read the settings, start uvicorn. python -m app jobs: look after retraining from a terminal."""

from __future__ import annotations

import argparse
import copy
import os
import sys
from typing import Any

import uvicorn
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from app import __version__
from app.access import own_token, token_path
from app.settings import Settings


def help_text() -> str:
    """Every setting with its default and what it is."""
    lines = []
    for name, field in Settings.model_fields.items():
        described = " ".join((field.description or "").split())
        lines.append(f"  GAN_{name.upper()}={default_of(field)}\n      {described}")
    return "Settings, from the environment:\n\n" + "\n".join(lines)


def default_of(field: FieldInfo) -> str:
    """A setting's default as a person would write it."""
    default = field.get_default(call_default_factory=True)
    return "" if default is None or default == {} else str(default)


def log_config(level: str) -> dict[str, Any]:
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
    parser.add_argument("command", nargs="?", choices=["jobs"], help="jobs: retraining from a terminal; see python -m app jobs")
    parser.add_argument("--version", action="version", version=f"Seedling {__version__}")
    if sys.argv[1:2] == ["jobs"]:
        from app.terminal import main as jobs  # typer and rich are not for the service

        jobs(sys.argv[2:])
        return
    parser.parse_args()
    settings = read_settings()
    _tell_where_the_token_is(settings)
    uvicorn.run(
        "app.main:create_server",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=log_config(settings.log_level),
        log_level=settings.log_level,
        access_log=settings.access_log,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        root_path=settings.root_path,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
    )


def read_settings() -> Settings:
    """The settings of the environment; a wrong one ends the program with what is wrong with it, never with its value."""
    try:
        settings = Settings()
    except SettingsError as error:  # a mapping that is not JSON
        sys.stderr.write(f'{error}. It must be JSON, as {{"alice": "token"}}. See python -m app --help.\n')
        raise SystemExit(2) from None
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            place = f"GAN_{'.'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else ""
            sys.stderr.write(f"{place}{fault['msg']}. See python -m app --help.\n")
        raise SystemExit(2) from None
    unknown = {name for name in os.environ if name.startswith("GAN_")} - {f"GAN_{n.upper()}" for n in Settings.model_fields}
    for name in sorted(unknown):
        sys.stderr.write(f"{name} is no setting of Seedling and is not heeded. See python -m app --help.\n")
    return settings


def _tell_where_the_token_is(settings: Settings) -> None:
    try:
        if own_token(settings):
            sys.stderr.write(f"Admin token: in {token_path(settings)} (readable by you alone).\n")
    except OSError as error:
        sys.stderr.write(f"No admin token can be made ({error}). Set GAN_ADMIN_TOKEN, or make {settings.state} writable.\n")


if __name__ == "__main__":
    main()
