"""What NVIDIA's driver tells of its GPUs, by `nvidia-ml-py`; nothing where that or the driver is missing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple, Self


class Gpu(NamedTuple):
    """A GPU as it was found."""

    handle: Any
    name: str
    memory: int  # bytes


class Nvidia:
    """The open library of the driver."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self.driver = _text(nvml.nvmlSystemGetDriverVersion())
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        self.gpus = [
            Gpu(handle, _text(nvml.nvmlDeviceGetName(handle)), nvml.nvmlDeviceGetMemoryInfo(handle).total)
            for handle in handles
        ]

    @classmethod
    def open(cls) -> Self | None:
        """The library, or None where there is no package, no driver or no GPU."""
        try:
            nvml: Any = importlib.import_module("pynvml")
            nvml.nvmlInit()
        except Exception:  # a driver of another version has errors of its own, and they matter to nobody here
            return None
        try:
            return cls(nvml)
        except Exception:
            nvml.nvmlShutdown()
            return None

    def sample(self) -> dict[str, float]:
        """Utilisation, memory, power and temperature of each GPU, as far as it tells them."""
        nvml, sample = self._nvml, dict[str, float]()
        for index, gpu in enumerate(self.gpus):
            wanted: dict[str, Callable[[Any], float]] = {
                "percent": lambda handle: nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
                "memory_bytes": lambda handle: nvml.nvmlDeviceGetMemoryInfo(handle).used,
                "power_watts": lambda handle: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
                "temperature_celsius": lambda handle: nvml.nvmlDeviceGetTemperature(handle, 0),
            }
            for name, read in wanted.items():
                try:
                    sample[f"gpu.{index}.{name}"] = float(read(gpu.handle))
                except Exception:  # this GPU does not tell it
                    continue
            if (used := sample.get(f"gpu.{index}.memory_bytes")) is not None and gpu.memory:
                sample[f"gpu.{index}.memory_percent"] = 100 * used / gpu.memory
        return sample

    def close(self) -> None:
        """Let go of the library."""
        try:
            self._nvml.nvmlShutdown()
        except Exception:  # nothing depends on it any more
            pass


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
