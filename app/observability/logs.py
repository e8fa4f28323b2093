"""Log formats: plain text, or one JSON object per line."""

from __future__ import annotations

import copy
import logging
from typing import Any

import uvicorn
from pythonjsonlogger.core import RESERVED_ATTRS

from app.observability.tracing import CURRENT


class WithTrace(logging.Filter):
    """Adds the ids of the current request to log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = CURRENT.get()
        if trace and not hasattr(record, "trace_id"):
            record.trace_id, record.span_id = trace.trace_id, trace.span_id
        return True


def log_config(level: str, shape: str = "text") -> dict[str, Any]:
    """Return a `logging.config.dictConfig` configuration that logs uvicorn and the service in one format, to stderr.

    Args:
        level: the minimum level.
        shape: text or json.
    """
    config = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["filters"] = {"trace": {"()": "app.observability.logs.WithTrace"}}
    config["loggers"] |= {
        name: {"handlers": ["default"], "level": level.upper(), "propagate": False} for name in ("seedling", "models")
    }
    config["handlers"] = {"default": config["handlers"]["default"] | {"filters": ["trace"]}}
    config["loggers"]["uvicorn.access"] = {"handlers": [], "propagate": False}  # requests are logged by `app.http.middleware`
    config["loggers"]["python_multipart"] = {"level": "ERROR"}  # it warns about every damaged form
    if shape == "json":
        config["formatters"]["default"] = {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(levelname)s %(name)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
            "reserved_attrs": [*RESERVED_ATTRS, "color_message"],  # uvicorn's, for terminals
        }
    return config
