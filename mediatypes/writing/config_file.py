"""A config read from a YAML or JSON file."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .._core.deps import need
from .._core.errors import InputError, Verbatim, show
from .._core.sidecar import open_file

MAX_SIZE = 2**20  # bytes, of which PyYAML takes seconds
_HINT = "Check the path."
# YAML 1.2, section 10.3.2: PyYAML follows 1.1, to which 1e-4 is a text.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


def read_file(path: str | os.PathLike[str]) -> Mapping[Any, Any]:
    """The mapping in a file whose name ends with .json, .yaml or .yml.

    Raises:
        InputError: it cannot be read, or holds something else.
        MissingDependencyError: PyYAML is not installed.
    """
    file = Path(os.fsdecode(path))
    where = f"config: {file.name}"
    load = {".json": _load_json, ".yaml": _load_yaml, ".yml": _load_yaml}.get(file.suffix.lower())
    if load is None:
        raise InputError.of("config", "a file with the suffix .json, .yaml or .yml", file.name, _HINT)
    try:
        with open_file(file) as stream:
            data = stream.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError.of("config", "a file that can be read", Verbatim(f"{file.name!r}: {reason}"), _HINT) from None
    if len(data) > MAX_SIZE:
        raise InputError.of(where, f"at most {MAX_SIZE} bytes", Verbatim("more"), "Pass the part that you need.")
    config = load(data, where)
    if not isinstance(config, Mapping):
        raise InputError.of(where, "an object of names and values", config, "Name the values.")
    return config


def _load_json(data: bytes, where: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_twins)  # NaN and Infinity as Python writes
    except (ValueError, RecursionError) as error:
        raise _malformed(where, "JSON", error) from None


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the name {show(name)} twice in an object")
    return members


def _load_yaml(data: bytes, where: str) -> Any:
    yaml = need("yaml", extra="yaml", needed_for="A config from a YAML file")
    try:
        config = yaml.load(data, _loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _malformed(where, "YAML", error) from None
    return {} if config is None else config


@cache
def _loader() -> Any:
    """PyYAML's safe loader, to which 1e-4 is a number, and a name that stands twice an error."""
    yaml = need("yaml", extra="yaml", needed_for="A config from a YAML file")

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the name {key.value!r} twice", key.start_mark)
                seen.add(key.value)
        return yaml.SafeLoader.construct_mapping(self, node, deep)

    loader: Any = type("Loader", (yaml.SafeLoader,), {"construct_mapping": construct_mapping})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
    return loader


def _malformed(where: str, language: str, error: Any) -> InputError:
    """The error of either parser, shortened to what is wrong and the line."""
    text, line = str(error), getattr(error, "lineno", None)  # of a JSONDecodeError
    if isinstance(error, RecursionError):
        text = "nested too deeply"
    elif isinstance(error, UnicodeDecodeError):
        text = "bytes that are not UTF-8"
    elif line is not None:
        text = f"{error.msg} in line {line}"
    elif getattr(error, "problem_mark", None) is not None:  # of YAML
        text = f"{error.problem} in line {error.problem_mark.line + 1}"
    return InputError.of(where, language, Verbatim(text), "Correct the file.")
