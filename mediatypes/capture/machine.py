"""The machine that a process runs on: system, processor, memory, GPUs."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .nvidia import Nvidia

_AMD = "0x1002"  # the vendor's number on the PCI bus


def describe_machine() -> dict[str, Any]:
    """Host, system, processor, memory and GPUs, as far as the system tells them."""
    described: dict[str, Any] = {"host": socket.gethostname(), "os": _system(), "machine": platform.machine()}
    cpu: dict[str, Any] = {"count": os.cpu_count() or 1}
    with suppress(AttributeError, OSError):  # not on every system
        cpu["available"] = len(os.sched_getaffinity(0))
    if model := _cpu_model():
        cpu["model"] = model
    described["cpu"] = cpu
    if memory := _memory():
        described["memory"] = memory
    if limit := _memory_limit():
        described["memory_limit"] = limit
    gpus = [*_nvidia_gpus(described), *_amd_gpus()]
    if gpus:
        described["gpus"] = gpus
    return described


def _system() -> str:
    """What `platform.platform()` says; on Linux without the command that it runs for the processor."""
    if sys.platform != "linux":
        return platform.platform()
    libc = "".join(platform.libc_ver())
    return "-".join([platform.system(), platform.release(), platform.machine(), *(["with", libc] if libc else [])])


def _cpu_model() -> str:
    named = re.search(r"^model name\s*:\s*(.+)$", _read(Path("/proc/cpuinfo")), re.MULTILINE)
    return named[1].strip() if named else platform.processor()


def _memory() -> int | None:
    """Bytes of memory."""
    with suppress(AttributeError, ValueError, OSError):  # not on Windows
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _memory_limit() -> int | None:
    """Bytes that the container may use, if there is a limit."""
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if (text := _read(Path(name)).strip()).isdecimal() and int(text) < 1 << 60:  # version 1 writes a huge number
            return int(text)
    return None


def _nvidia_gpus(described: dict[str, Any]) -> list[dict[str, Any]]:
    if nvidia := Nvidia.open():
        described["gpu_driver"] = nvidia.driver
        gpus = [{"name": gpu.name, "memory": gpu.memory} for gpu in nvidia.gpus]
        nvidia.close()
        return gpus
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = (re.search(r"^Model:\s*(.+)$", _read(file), re.MULTILINE) for file in files)
    return [{"name": name[1].strip()} for name in names if name]


def _amd_gpus() -> Iterator[dict[str, Any]]:
    for device in amd_devices():
        gpu: dict[str, Any] = {"name": _read(device / "product_name").strip() or "AMD GPU"}
        if (total := _read(device / "mem_info_vram_total").strip()).isdecimal():
            gpu["memory"] = int(total)
        yield gpu


def amd_devices(drivers: Path = Path("/sys/class/drm")) -> list[Path]:
    """The folders in which the system tells of each AMD GPU."""
    cards = sorted(drivers.glob("card[0-9]*/device"), key=lambda path: (len(path.parent.name), path.parent.name))
    return [card for card in cards if re.fullmatch(r"card\d+", card.parent.name) and _is_amd(card)]


def _is_amd(card: Path) -> bool:
    return _read(card / "vendor").strip() == _AMD and (card / "mem_info_vram_total").exists()


def _read(path: Path) -> str:
    """A small file of the system; "" if it is not there."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
