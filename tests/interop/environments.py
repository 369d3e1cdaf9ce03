"""`make interop`: the real packages, in an environment each, for they cannot live together; and docs/integrations.md.

python -m tests.interop.environments [NAME...]   make, test, print one table, write the page
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mediatypes.interop import trackers

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "integrations.md"
TRIED = Path(__file__).with_name("tried.json")  # versions that passed the tests, by environment
FOLDER = Path(os.environ.get("INTEROP_FOLDER", ROOT / ".venv-interop"))


class Environment(NamedTuple):
    """Packages that are installed together, the tests that are run with them, and whose versions are written down."""

    packages: tuple[str, ...]
    tests: tuple[str, ...]
    versions: tuple[str, ...]


def _tracker(name: str, *packages: str, also: str = "") -> Environment:
    tests = (f"tests/interop/trackers/test_{name}.py", *filter(None, [also]))
    return Environment(packages, tests, packages[:1])


_IMPORTS, _LAYOUTS = "tests/interop/elsewhere/test_real.py", "tests/interop/layouts/test_tracker_layouts.py"
_TORCH = ("torch",)  # PIP_EXTRA_INDEX_URL may name where one without CUDA is
_FRAMEWORKS = ("lightning", "transformers", "accelerate", "keras", "optuna", "hydra-core", "scikit-learn")
ENVIRONMENTS = {
    "tensorboard": _tracker("tensorboard", "tensorboard", "tensorboardX", *_TORCH),
    "wandb": _tracker("wandb", "wandb"),
    "mlflow": _tracker("mlflow", "mlflow-skinny", "sqlalchemy", "alembic", "pandas", also=_LAYOUTS),
    "trackio": _tracker("trackio", "trackio"),
    "aim": _tracker("aim", "aim", also=_IMPORTS),
    "swanlab": _tracker("swanlab", "swanlab", "soundfile", also=_IMPORTS),
    "comet": _tracker("comet", "comet_ml"),
    "clearml": _tracker("clearml", "clearml", also=_IMPORTS),
    "pluto": Environment(("pluto-ml", "pyyaml"), (_IMPORTS,), ("pluto-ml",)),
    "datasets": _tracker("datasets", "datasets", "gemmi", "msgpack"),
    "rerun": _tracker("rerun", "rerun-sdk", "av", also=_LAYOUTS),
    "dvclive": _tracker("dvclive", "dvclive"),
    "supervision": Environment(("supervision",), ("tests/interop/annotations/test_detections.py",), ("supervision",)),
    "frameworks": Environment(
        (*_FRAMEWORKS, *_TORCH),
        ("tests/interop/frameworks",),
        _FRAMEWORKS,
    ),
    "loops": Environment(  # of W&B's documentation
        ("tensorflow-cpu", "tensorboard", *_TORCH), ("tests/interop/wandb/script/test_loops.py",), ("tensorflow-cpu",)
    ),
    "ray": Environment(("ray[tune]",), ("tests/interop/frameworks/test_ray.py",), ("ray",)),
    "ultralytics": Environment(
        ("ultralytics", "torch", "torchvision"), ("tests/interop/frameworks/test_ultralytics.py",), ("ultralytics",)
    ),
    "fastai": Environment(("fastai",), ("tests/interop/frameworks/test_fastai.py",), ("fastai",)),
}
FRAMEWORKS = {
    "lightning": ("Lightning", "`Trainer(logger=mediatypes.interop.lightning.MediatypesLogger(path))`"),
    "lightning ": ("Lightning and Fabric, no code", "`MEDIATYPES_RUN=path python train.py`"),
    "transformers": ("Hugging Face Trainer", '`import mediatypes.interop.transformers`, then `report_to="mediatypes"`'),
    "accelerate": ("Accelerate", "`Accelerator(log_with=mediatypes.interop.accelerate.MediatypesTracker(path))`"),
    "keras": ("Keras 3", "`fit(callbacks=[mediatypes.interop.keras.MediatypesCallback(path)])`"),
    "scikit-learn": ("scikit-learn", "`mediatypes.interop.sklearn.log_classifier(run, model, x, y)`"),
    "scikit-learn ": (
        "scikit-learn 1.9, step by step",
        '`model.set_callbacks(mediatypes.interop.sklearn.MediatypesCallback(run, scoring="accuracy"))`',
    ),
    "ultralytics": ("ultralytics", "`mediatypes.interop.ultralytics.add_to(model, path)`"),
    "fastai": ("fastai", "`Learner(cbs=mediatypes.interop.fastai.MediatypesCallback(path))`"),
    "ray": ("Ray Tune", "`RunConfig(callbacks=[mediatypes.interop.ray.MediatypesCallback(folder)])`"),
    "hydra-core": ("Hydra", "`hydra.callbacks.mediatypes._target_: mediatypes.interop.hydra.MediatypesCallback`"),
    "rerun-sdk": ("rerun", "`rerun RUN` shows a run: it finds `rerun-importer-mediatypes`"),
    "optuna": ("Optuna", "`optimize(callbacks=[mediatypes.interop.optuna.MediatypesCallback(folder)])`"),
}


def main(names: Iterable[str]) -> int:
    """Test the environments with these names, all by default; returns the exit code."""
    tried: dict[str, dict[str, str]] = json.loads(TRIED.read_text("utf-8")) if TRIED.exists() else {}
    failed = []
    for name in names or ENVIRONMENTS:
        print(f"{name}: ", end="", flush=True)
        python = _make(name)
        done = _run_tests(python, ENVIRONMENTS[name])
        said = done.stdout.strip().splitlines()
        print(said[-1] if said else done.stderr[-300:], flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout, file=sys.stderr)
        else:
            tried[name] = _versions(python, ENVIRONMENTS[name].versions)
    TRIED.write_text(json.dumps(tried, indent=2, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(tried), "utf-8")
    print("\n" + table(tried))
    return 1 if failed else 0


def _make(name: str) -> Path:
    """The Python of an environment, which is made, or made anew when its packages change."""
    folder, packages = FOLDER / name, ENVIRONMENTS[name].packages
    python, stamp = folder / "bin" / "python", folder / "packages.txt"
    if not stamp.exists() or stamp.read_text("utf-8").split() != list(packages):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        base = ("numpy", "pyarrow", "pillow", "pytest", "vl-convert-python")
        subprocess.run([python, "-m", "pip", "install", "-q", *base, *packages], check=True)
        stamp.write_text("\n".join(packages), "utf-8")
    return python


def _run_tests(python: Path, environment: Environment) -> subprocess.CompletedProcess[str]:
    """Their warnings are theirs: only failures count."""
    command = [python, "-m", "pytest", "-q", "--base", "-W", "default", "-p", "no:cacheprovider", *environment.tests]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=1800, check=False)


def _versions(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    code = "import importlib.metadata as m, json, sys; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, *packages], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def table(tried: dict[str, dict[str, str]]) -> str:
    """One line for each tracker: what the tests hold its adapter to."""
    rows = [["tracker", "version", "kept", "changed", "dropped"]]
    for name in trackers.TRACKERS:
        fates = Counter(way.fate for way in trackers.adapter(name).ways.values())
        counts = (str(fates[fate]) for fate in ("kept", "changed", "dropped"))
        rows.append([trackers.adapter(name).title, _version(tried, name), *counts])
    return _markdown(rows)


def page(tried: dict[str, dict[str, str]]) -> str:
    """The text of docs/integrations.md."""
    parts = [_HEAD.format(table=table(tried))]
    for name in trackers.TRACKERS:
        one = trackers.adapter(name)
        rows = [["type", "is", "as"], *([kind, way.fate, way.how] for kind, way in one.ways.items())]
        parts.append(f"### {one.title}\n\n{one.hint}\n\n{_markdown(rows)}")
    versions = {package: version for environment in tried.values() for package, version in environment.items()}
    rows = [["framework", "version", "how"]]
    for package, (title, how) in FRAMEWORKS.items():
        rows.append([title, versions.get(package.strip(), "not tried"), how])
    parts.append(_FRAMEWORKS_TEXT.format(table=_markdown(rows)))
    return "\n\n".join(parts) + "\n"


def _version(tried: dict[str, Any], name: str) -> str:
    return next(iter(tried.get(name, {}).values()), "not tried")


def _markdown(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


_HEAD = """\
# Trackers and frameworks

*Made by `make interop`, which runs every line below with the real packages.*

## Into a tracker

`mt.interop.to(tracker, value)` makes the tracker's own object of a value. `mt.interop.log(tracker, values, step=3)`
logs a dict of numbers, texts and media through it, into the run that it has open, or the one passed as `target`:

```python
import tempfile

import numpy as np
import tensorboardX

import mediatypes as mt

image = mt.Image(np.zeros((4, 6, 3), np.uint8), caption="black")
with tensorboardX.SummaryWriter(tempfile.mkdtemp()) as writer:
    mt.interop.log("tensorboard", {{"loss": 0.5, "photo": image}}, step=3, target=writer)
```

A value that the tracker has no place for is an error that names it, and nothing of the call is sent. With
`mt.Run(path, forward_to=["wandb", writer])` all that is logged to the run goes to live trackers as well; there, what a
tracker cannot take or raises is a problem of the run, and training goes on.

A type is *kept* if the tracker's own reader gives back an equal value, *changed* if it gives back something of it, and
*dropped* if there is no place for it. `mediatypes interop wandb` prints one of these tables.

{table}"""

_FRAMEWORKS_TEXT = """\
## Frameworks

{table}

Callbacks of one run take its path, and go on with a run that is there; without a path they take what MEDIATYPES_RUN
names. One that is given an open run leaves it open, so that your own code can log to it too. Lightning looks for its
callback by an entry point that is installed with this package; without MEDIATYPES_RUN it does nothing.

In tests, pytest has the fixture `assert_logged`: see [Tests of what you log](testing.md)."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
