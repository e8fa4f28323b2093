"""python -m app: read the settings, start uvicorn. python -m app jobs: look after retraining from a terminal."""

from __future__ import annotations

import argparse
import contextlib
import logging.config
import os
import sys
import tempfile
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from app import __version__
from app.access import own_token, token_path
from app.logs import log_config
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
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    _tell_where_the_token_is(settings)
    with _figures_of_all_workers(settings):
        _serve(settings)


def _serve(settings: Settings) -> None:
    from app.server import serve  # uvicorn is not for those who have come for the settings: a trainer of its own, a terminal

    serve(settings)


@contextlib.contextmanager
def _figures_of_all_workers(settings: Settings) -> Iterator[None]:
    """Give several workers a folder for what they count; answer at the port for metrics, if there is one."""
    with contextlib.ExitStack() as stack:
        if settings.workers > 1:
            try:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="seedling-metrics-"))
            except FileNotFoundError:  # no temporary folder, as where the root file system is read-only
                settings.state.mkdir(parents=True, exist_ok=True)
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".metrics-", dir=settings.state))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before app.metrics is imported, here and in the workers
        if settings.metrics_port:
            from app import metrics_server
            from app.retraining.service import Retraining

            try:
                metrics_server.serve(settings.host, settings.metrics_port, Retraining(settings))
            except OSError as error:
                place = f"{settings.host}:{settings.metrics_port}"
                sys.exit(f"Metrics cannot be served at {place} ({error}). Set GAN_METRICS_PORT to a free port.")
        yield


def read_settings() -> Settings:
    """The settings of the environment; a wrong one ends the program with what is wrong with it, never with its value."""
    try:
        settings = Settings()
    except SettingsError as error:
        example = ' It must be JSON, as {"alice": "token"}.' if error.__cause__ else ""  # a mapping that is not
        sys.stderr.write(f"{error}.{example} See python -m app --help.\n")
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
