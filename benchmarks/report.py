"""The machine line, and results as a table."""

from __future__ import annotations

import os
import platform
import zlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from .harness import Entry, Result, Series, Target

_PACKAGES = ("mediatypes-ml", "numpy", "pyarrow", "pillow", "pandas", "isal", "wandb", "trackio", "tensorboardX")
_ROW = "  {:<18} {:>9} {:>9}   {:<26} {:>9} {:>9}   {:>8} {:>8}   {}"
_HEADER = _ROW.format(
    "figure", "ours min", "median", "baseline", "min", "median", "x median", "x min", "target"
).rstrip()
LEGEND = (
    "x = baseline / ours, so more is better for us: the median of the ratios of each round, and the ratio of the "
    "minima. A target is judged by the minima, a loss or growth by the worst round."
)


def machine() -> str:
    """CPU, cores, Python, package versions and load, on one line."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    packages = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    runtime = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
    return f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}; {python}, {packages}, {runtime}; load {load}"


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def table(result: Result) -> str:
    """One entry: a line for each figure and baseline."""
    entry = result.entry
    lines = ["", f"{entry.name}: {entry.title}"]
    if result.series:
        lines += [_HEADER, *_rows(result)]
    lines += [f"  skipped {name or 'the entry'}: {reason}" for name, reason in result.skipped.items()]
    return "\n".join(lines)


def _rows(result: Result) -> Iterator[str]:
    (name, ours), *baselines = result.series.items()
    for figure, series in ours.items():
        own = [figure, _number(min(series)), _number(median(series))]
        rivals = [(rival, found[figure]) for rival, found in baselines if figure in found]
        alone = _verdict(result.entry, figure, "", series, [])
        if alone or not rivals:
            yield _ROW.format(*own, f"({name} alone)", "", "", "", "", alone).rstrip()
        for rival, theirs in rivals:
            times = [_times(base, mine) for base, mine in zip(theirs, series, strict=True)]
            ratios = [_ratio(median(times)), _ratio(_times(min(theirs), min(series)))]
            verdict = _verdict(result.entry, figure, rival, series, theirs)
            yield _ROW.format(*own, rival, _number(min(theirs)), _number(median(theirs)), *ratios, verdict).rstrip()


def _times(base: float, ours: float) -> float:
    return base / ours if ours else float("inf") if base else 1.0


def _ratio(value: float) -> str:
    return f"{value:.3g}x" if value < float("inf") else "-"


def _verdict(entry: Entry, figure: str, baseline: str, ours: Series, theirs: Series) -> str:
    targets: list[Target] = [t for t in entry.targets if (t.figure, t.baseline) == (figure, baseline)]
    return ", ".join(f"{t.text}: {'met' if t.is_met(ours, theirs) else 'MISSED'}" for t in targets)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
