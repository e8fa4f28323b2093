"""Parses the options of the command line that define a training spec."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.errors import TrainingError
from training.spec import PresetName, TrainingSpec


def spec_of(preset: PresetName, options: list[str], file: Path | None) -> TrainingSpec:
    """Return the spec defined by the command-line options.

    Args:
        preset: preset to start from, unless there is a file.
        options: overrides of the form FIELD=VALUE, where the value is JSON or plain text.
        file: spec.json to start from.

    Raises:
        TrainingError: a field is unknown, or its value is out of bounds.
    """
    overrides: dict[str, Any] = {}
    for option in options:
        field, equals, value = option.partition("=")
        if not equals:
            raise TrainingError(f"--set takes FIELD=VALUE, not {option!r}. For example: --set gamma=0.5")
        if field == "preset":
            raise TrainingError("--set cannot change the preset. Use --preset instead.")
        if field not in TrainingSpec.model_fields:
            near = difflib.get_close_matches(field, TrainingSpec.model_fields, 1)
            hint = f"Did you mean {near[0]}?" if near else "See python -m training train --show for all fields."
            raise TrainingError(f"The spec has no field {field!r}. {hint}")
        try:
            overrides[field] = json.loads(value)
        except ValueError:
            overrides[field] = value
    try:
        if file:
            return TrainingSpec.model_validate(TrainingSpec.model_validate_json(file.read_bytes()).model_dump() | overrides)
        return TrainingSpec.from_preset(preset, **overrides)
    except OSError as error:
        raise TrainingError(f"{file} cannot be read ({error}). Name a spec.json with --spec.") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'spec'}: {e['msg']}" for e in error.errors())
        raise TrainingError(f"The spec is invalid. {faults}. See python -m training train --show for all fields.") from error
