"""What importing and using the package loads, seen in a fresh process."""

from __future__ import annotations

import json
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt


def loaded_after(code: str, *arguments: str) -> Any:
    """Run code in a fresh process; answers what it calls `answer`. Modules that site loads do not count, nor do those
    without a spec, which Cython makes up for the runtime of compiled packages."""
    program = f"""
import json, sys
before = set(sys.modules)
def loaded():
    names = [name for name in set(sys.modules) - before if getattr(sys.modules[name], "__spec__", None)]
    tops = {{name.partition(".")[0] for name in names if not name.startswith("_sysconfigdata")}}
    return sorted(tops - sys.stdlib_module_names)
{code}
print(json.dumps(answer))
"""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_loads_no_third_party_module() -> None:
    assert loaded_after("import mediatypes; answer = loaded()") == ["mediatypes"]


def test_importing_loads_no_other_module_of_ours() -> None:
    code = "import mediatypes; answer = [m for m in sys.modules if m.startswith('mediatypes.')]"
    assert loaded_after(code) == []


def test_every_public_name_resolves_in_a_fresh_process() -> None:
    code = "import mediatypes; answer = [n for n in mediatypes.__all__ if getattr(mediatypes, n) is None]"
    assert loaded_after(code) == []


def test_every_part_of_interop_is_its_module_in_a_fresh_process() -> None:
    code = """
import mediatypes, types
others = [n for n in mediatypes.interop.__all__ if not isinstance(getattr(mediatypes.interop, n), types.ModuleType)]
answer = others
"""
    assert loaded_after(code) == ["log", "to"]


@pytest.mark.parametrize("name", list(vars(mt)["_HOMES"]))
def test_every_public_name_knows_where_it_is_from(name: str) -> None:
    found = getattr(mt, name)
    assert found.__name__ == name
    assert found.__module__ == "mediatypes" if isinstance(found, type) else found.__module__.startswith("mediatypes.")


STDLIB_ONLY = [
    "Run",
    "RunView",
    "open_run",
    "encode",
    "decode",
    "validate",
    "register",
    "DirectoryStore",
    "MemoryStore",
]


@pytest.mark.parametrize("name", [*STDLIB_ONLY, "InputError"])
def test_names_that_hold_no_pixels_load_no_third_party_module(name: str) -> None:
    assert loaded_after(f"import mediatypes; mediatypes.{name}; answer = loaded()") == ["mediatypes"]


@pytest.mark.parametrize("name", ["Image", "Histogram", "BoundingBoxes2D", "ImageMask"])
def test_values_load_numpy_and_nothing_else(name: str) -> None:
    assert set(loaded_after(f"import mediatypes; mediatypes.{name}; answer = loaded()")) <= {"mediatypes", "numpy"}


@pytest.mark.parametrize("name", ["plot", "Plot", "plot_table"])
def test_charts_load_what_tables_load(name: str) -> None:
    table = loaded_after("import mediatypes; mediatypes.Table; answer = loaded()")
    assert loaded_after(f"import mediatypes; mediatypes.{name}; answer = loaded()") == table


def test_declaring_a_type_loads_no_third_party_module() -> None:
    assert loaded_after("import mediatypes.declare; answer = loaded()") == ["mediatypes"]


def test_a_run_of_scalars_loads_numpy_and_pyarrow_only_when_it_finishes(tmp_path: Path) -> None:
    code = """
import mediatypes as mt
run = mt.Run(sys.argv[1], config={"lr": 0.1}, tags=["a"])
for i in range(3):
    run.log({"loss": i / 2, "text": "x", "flag": True, "list": [1, 2], "nested": {"a": None}})
run.summary["best"] = 1
dict(run.summary)
live = loaded()
run.finish()
answer = live, loaded()
"""
    live, finished = loaded_after(code, str(tmp_path / "run"))
    assert live == ["mediatypes"]
    # pyarrow imports cloudpickle where it is installed
    assert set(finished) - {"mediatypes"} <= {"numpy", "pyarrow", "cloudpickle"}
    assert list(mt.open_run(tmp_path / "run").values("loss")) == [(0, 0), (1, 0.5), (2, 1)]


def test_an_image_loads_no_optional_package(tmp_path: Path) -> None:
    code = """
import numpy as np
import mediatypes as mt
store = mt.DirectoryStore(sys.argv[1])
image = mt.Image(np.zeros((4, 4), np.uint8), masks={"m": mt.ImageMask(np.zeros((4, 4), np.uint8))})
assert mt.decode(mt.encode(image, store), store) == image
answer = loaded()
"""
    loaded = set(loaded_after(code, str(tmp_path))) - {"cffi"}  # which Pillow before 11 tries
    assert loaded <= {"mediatypes", "numpy", "PIL"}


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'mediatypes' has no attribute 'Imag'$"):
        getattr(mt, "Imag")  # noqa: B009


def test_what_a_user_of_wandb_types_is_told_where_it_is_here() -> None:
    with pytest.raises(AttributeError, match=r"mediatypes\.Run\(.*from mediatypes\.interop import wandb"):
        getattr(mt, "init")  # noqa: B009


def test_completion_lists_the_public_names() -> None:
    assert dir(mt) == sorted(vars(mt)["__all__"])


def test_a_traceback_names_an_error_as_users_import_it() -> None:
    code = "import mediatypes; mediatypes.Image('nothing.png')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[-1].startswith("mediatypes.InputError: Image: ")


@pytest.mark.parametrize("first", ["mediatypes.Html", "mediatypes.types.html.value.Html"])
def test_a_pickle_names_the_public_class_and_is_read_whatever_was_imported_first(first: str) -> None:
    code = f"""
import importlib, pickle
module, _, name = {first!r}.rpartition(".")
value = getattr(importlib.import_module(module), name)("<p>")
data = pickle.dumps(value)
import mediatypes
answer = [data.hex(), type(pickle.loads(data)) is mediatypes.Html]
"""
    data, is_same = loaded_after(code)
    assert is_same
    assert pickle.loads(bytes.fromhex(data)) == mt.Html("<p>")


def test_help_shows_a_class_and_its_examples() -> None:
    text = pydoc.render_doc(mt.Html, renderer=vars(pydoc)["plaintext"])
    assert text.startswith("Python Library Documentation: class Html in module mediatypes")
    assert ">>> page = Html(" in text
