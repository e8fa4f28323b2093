"""Print the fields of an InferenceService that KServe's own models do not have: `check_inference_service.py FILE`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import kserve.models
import kubernetes.client.models
import yaml


def model_of(name: str) -> type | None:
    return getattr(kserve.models, name, None) or getattr(kubernetes.client.models, name, None)


def faults(value: object, kind: str, place: str) -> Iterator[str]:
    """Yield the places of unknown fields and of values of another type."""
    inner = re.fullmatch(r"list\[(.+)\]|dict\(str, (.+)\)", kind)
    if inner and inner[1]:
        for index, item in enumerate(value if isinstance(value, list) else [f"{place} is no list"]):
            yield from faults(item, inner[1], f"{place}[{index}]")
    elif inner:
        for key, item in value.items() if isinstance(value, dict) else [(f"{place} is no map", "")]:
            yield from faults(item, inner[2], f"{place}.{key}")
    elif model := model_of(kind):
        if not isinstance(value, dict):
            yield f"{place} is no {kind}"
            return
        fields = {json_name: name for name, json_name in model.attribute_map.items()}
        for key, item in value.items():
            if key in fields:
                yield from faults(item, model.openapi_types[fields[key]], f"{place}.{key}")
            else:
                yield f"{place}.{key} is unknown to {kind}"
    elif not isinstance(value, {"str": str, "int": int, "bool": bool, "float": (int, float)}.get(kind, object)):
        yield f"{place} is no {kind}"


document = yaml.safe_load(Path(sys.argv[1]).read_text())
print(json.dumps(list(faults(document, "V1beta1InferenceService", document["kind"]))))
