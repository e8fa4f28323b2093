"""What a run computes on: the precision of a device, and a description of the machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def computes_in_bfloat16(precision: str, device: str) -> bool:
    """Whether a precision setting selects bfloat16 on a device."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())  # no public equivalent in torch


def machine(device: str) -> str:
    """Describe the training machine: processor or GPU, cores, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    if device.startswith("cuda"):
        model = f"{torch.cuda.get_device_name(device)} with {model}"
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
