"""Encode pickled values in a process of their own: `python -m mediatypes.testing._process < pickle > JSON`."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from os import environ, pathsep
from typing import Any

_TIMEOUT = 120  # seconds


def in_new_process(values: Mapping[str, Any]) -> dict[str, Any]:
    """What another process makes of the values: their encodings by name, and the packages that this imported."""
    # Other hash seeds give sets another order: bytes that depend on it are not stable.
    environment = {**environ, "PYTHONPATH": pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps(dict(values)),
        env=environment,
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"Encoding in a new process failed:\n{done.stderr.decode(errors='replace')}")
    seen: dict[str, Any] = json.loads(
        done.stdout.splitlines()[-1]
    )  # what a package says when it is imported comes before
    return seen


def encodings(values: Mapping[str, Any]) -> dict[str, Any]:
    """By name, the document of each value and the SHA-256 of each of its sidecars."""
    import mediatypes as mt

    encoded = {}
    for name, value in values.items():
        store = mt.MemoryStore()
        document = mt.encode(value, store)
        mt.decode(document, store)
        sidecars = {path: hashlib.sha256(data).hexdigest() for path, data in store.files.items()}
        encoded[name] = {"document": document, "sidecars": sidecars}
    return encoded


def _packages() -> set[str]:
    """The packages that are loaded; without a spec it is a helper that a package made for itself.

    Left out are the interpreter's own build data, and cloudpickle, which pyarrow imports where it is installed.
    """
    loaded = {
        name.partition(".")[0] for name, module in sys.modules.items() if getattr(module, "__spec__", None) is not None
    }
    return {name for name in loaded - sys.stdlib_module_names - {"cloudpickle"} if not name.startswith("_sysconfig")}


def _main() -> None:
    values = pickle.load(sys.stdin.buffer)  # imports the modules of the types, perhaps a test module
    before = _packages()
    encoded = encodings(values)
    print(json.dumps({"encodings": encoded, "packages": sorted(_packages() - before)}))


if __name__ == "__main__":
    _main()
