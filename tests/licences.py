"""The licence of everything that the package and its extras bring, as the packages name it: `make licences`."""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

ROOT = "mediatypes-ml"
_SHORT = 60  # a longer one is the licence's text


def brought(name: str = ROOT, extra: str = "all") -> dict[str, Distribution | None]:
    """What is installed with an extra, by name, also through others; None for what is not installed here."""
    waiting, seen = [(name, extra)], dict[str, Distribution | None]()
    asked = set[tuple[str, str]]()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        try:
            found = seen[name] = distribution(name)
        except PackageNotFoundError:
            seen[name] = None
            continue
        for text in found.requires or ():
            wanted, _, condition = text.partition(";")
            of = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", condition)
            if (of and of[1] != extra) or re.search(r"sys_platform\s*==\s*['\"]win|python_version\s*<", condition):
                continue
            matched = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^]]*)])?", wanted)
            if matched:
                extras = [one.strip() for one in (matched[2] or "").split(",")]
                waiting += [(_normal(matched[1]), one) for one in extras]
    return {name: found for name, found in sorted(seen.items()) if name != ROOT}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(found: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, a text of a line, or its classifiers."""
    told = found.metadata
    text = next((told[name] for name in ("License-Expression", "License") if name in told), "")
    if not text or len(text) > _SHORT or "\n" in text or text == "UNKNOWN":
        named = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License")]
        text = ", ".join(named) or text.strip().partition("\n")[0][:_SHORT] or "not told"
    return text


def main() -> None:
    print("| package | version | licence |\n|---|---|---|")
    for name, found in brought().items():
        print(f"| {name} | {found.version if found else ''} | {licence(found) if found else 'not installed here'} |")


if __name__ == "__main__":
    sys.exit(main())
