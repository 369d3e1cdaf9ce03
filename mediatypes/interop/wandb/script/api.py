"""`wandb.Api`: the runs of a folder, by wandb's names."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from ...._core.deps import need
from ...._core.errors import InputError, MediaTypesError
from ....artifact.store import artifacts
from ....columns.log_cells import plain_value
from ....runset.runset import open_runs
from ....view import RunView
from .artifact import Artifact, used
from .server import on_a_server
from .settings import id_of, last_root

# What needs wandb's server, and what to do instead.
_ON_A_SERVER = {
    **dict.fromkeys(("sweep", "create_sweep"), "Loop over the configs, a run each; runs compare them."),
    **dict.fromkeys(("reports", "create_report", "load_report"), "Use `mediatypes report RUNS -o report.html`."),
    **dict.fromkeys(("team", "create_team", "user", "users", "create_user"), "Share the folder of the runs."),
    **dict.fromkeys(
        ("registry", "registries", "create_registry"),
        "Give an artifact an alias: run.log_artifact(artifact, aliases=['production']).",
    ),
    **dict.fromkeys(
        ("job", "list_jobs", "run_queue", "queued_run", "create_run_queue", "upsert_run_queue"),
        "Start the script yourself.",
    ),
}


class Api:
    """Runs where this process began one, else below WANDB_DIR, MEDIATYPES_DIR or `./runs`.

    A path of wandb chooses among them by project and id.

    Args:
        overrides: `{"dir": folder}` looks elsewhere; its other members are about a server.
    """

    def __init__(self, overrides: Mapping[str, Any] | None = None, timeout: Any = None, api_key: Any = None) -> None:
        self._root = Path((overrides or {}).get("dir") or last_root())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in _ON_A_SERVER:
            return on_a_server(f"Api.{name}", _ON_A_SERVER[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        lazy: bool = True,
    ) -> list[ApiRun]:
        """The runs of a project, or all.

        Args:
            path: "project" or "entity/project".
            filters: as MongoDB's: `{"config.lr": 0.1, "summary_metrics.acc": {"$gt": 0.9}, "$or": [...]}`.
            order: a member such as "created_at" or "summary_metrics.acc", after "-" the largest first.
        """
        project = path.rsplit("/", 1)[-1] if path else None
        all_runs = [ApiRun(view) for view in open_runs(self._root)] if self._root.is_dir() else []
        chosen = [run for run in all_runs if project in (None, run.project) and matches(run, filters or {})]
        member = order.lstrip("+-")
        comparable, rest = list[tuple[bool, Any, ApiRun]](), list[ApiRun]()
        for run in chosen:
            value = run.member(member)
            if isinstance(value, (int, float, str)) and value == value:
                comparable.append((isinstance(value, str), value, run))
            else:  # NaN, or not there
                rest.append(run)
        comparable.sort(key=itemgetter(0, 1), reverse=order.startswith("-"))
        return [*(run for *_, run in comparable), *rest]

    def run(self, path: str) -> ApiRun:
        """One run, by "id", "project/id" or "entity/project/id"; by its name if no run has that id.

        Raises:
            InputError: there is none.
        """
        name = path.strip("/").rsplit("/", 1)[-1]
        runs = self.runs()
        for chosen in ([run for run in runs if run.id == name], [run for run in runs if run.name == name]):
            if chosen:
                return chosen[-1]
        raise InputError.of(
            "wandb.Api.run", f"the id of a run in {self._root}", path, f"Known: {[r.id for r in runs]}."
        )

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """A version of an artifact: "name:latest"."""
        return used(artifacts(self._root).use(name.rsplit("/", 1)[-1]))

    def artifacts(self, type_name: str, name: str, per_page: int = 50, tags: Any = None) -> list[Artifact]:
        """All versions of an artifact, the newest first."""
        versions = artifacts(self._root).versions(name.rsplit("/", 1)[-1])
        return [used(made) for made in reversed(versions) if made.type == type_name]

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        try:
            self.artifact(name)
        except MediaTypesError:
            return False
        return True

    def flush(self) -> None:
        """Nothing: runs are read when they are asked for."""


class Summary(dict[str, Any]):
    """A summary, whose changes are written by `update`; as in wandb, `_json_dict` is the plain one."""

    def __init__(self, view: RunView) -> None:
        super().__init__(view.summary)
        self._view, self._before = view, dict(view.summary)

    def update(self, *values: Any, **named: Any) -> None:
        """Merge, and write into the run what has changed."""
        super().update(*values, **named)
        changed = {
            key: value for key, value in self.items() if key not in self._before or _differs(self._before[key], value)
        }
        removed = {key: None for key in self._before if key not in self}
        if changed or removed:
            self._view.edit(summary={**changed, **removed})
            self._before = dict(self)

    @property
    def _json_dict(self) -> dict[str, Any]:
        return dict(self)


class File:
    def __init__(self, saved: Any) -> None:
        self._saved, self.name, self.size, self.sha256 = saved, saved.name, saved.size, saved.sha256

    def download(self, root: str = ".", replace: bool = False, exist_ok: bool = False, api: Any = None) -> Any:
        """Copy it below a folder, and return it as an open text file."""
        target = Path(root) / self.name
        if target.exists() and not (replace or exist_ok):
            raise InputError.of("File.download", "a file that is not there", str(target), "Pass replace=True.")
        if replace or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._saved.read_bytes())
        return target.open(encoding="utf-8", errors="replace")


class ApiRun:
    """A run that is read; `view` is the `mediatypes.RunView` behind it."""

    entity = url = None

    def __init__(self, view: RunView) -> None:
        self.view, self.path_on_disk = view, view.path
        self.summary = self.summary_metrics = Summary(view)
        self.config = dict(view.config)
        self.notes, self.group, self.job_type = view.notes, view.group, view.job_type
        self.tags = list(view.tags)
        self.name = self.display_name = view.name
        self.project = view.project

    @property
    def id(self) -> str:
        """wandb's id, at the end of the name of the folder; else that of the run."""
        return id_of(Path(str(self.view.path)).name) or str(self.view.id)

    @property
    def state(self) -> str:
        """ "running", "finished", "failed" or "crashed"."""
        return {"interrupted": "killed"}.get(self.view.status, self.view.status)

    @property
    def path(self) -> list[str]:
        return [part for part in (self.project, self.id) if part]

    @property
    def created_at(self) -> str:
        return datetime.fromtimestamp(self.view._run["started"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - wandb's name
        return int(self.view.summary.get("_step", -1))

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self.view._run.get("environment", {}))

    def scan_history(
        self,
        keys: Any = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> Iterator[dict[str, Any]]:
        """Every row as a dict; with `keys` the rows that have all of them."""
        names = None if keys is None else [keys] if isinstance(keys, str) else list(keys)
        table = self.view.history(names, (min_step, 2**63 - 1 if max_step is None else max_step))
        columns = {spec.name: (spec.key, spec.kind) for spec in self.view._history().specs}
        for batch in table.to_batches(max_chunksize=page_size):
            for raw in batch.to_pylist():
                row = dict[str, Any]()
                for name, cell in raw.items():
                    if cell is not None:  # of the kinds of a key one has a value
                        key, kind = columns.get(name, (name, ""))
                        row[key] = plain_value(kind, cell) if kind == "json" else _document(cell)
                if names is None:
                    yield row
                elif all(name in row for name in names):
                    yield {name: row[name] for name in names}

    def history(
        self, samples: int = 500, keys: Any = None, x_axis: str = "_step", pandas: bool = True, stream: str = "default"
    ) -> Any:
        """At most so many rows, evenly chosen, as a DataFrame or a list of dicts."""
        names = None if keys is None else [*dict.fromkeys([x_axis, *([keys] if isinstance(keys, str) else keys)])]
        rows = list(self.scan_history(names))
        if len(rows) > samples:
            rows = [
                rows[place]
                for place in sorted({round(i * (len(rows) - 1) / max(samples - 1, 1)) for i in range(samples)})
            ]
        if not pandas:
            return rows
        return need("pandas", extra="pandas", needed_for="Run.history").DataFrame.from_records(rows)

    def files(self, names: Any = None, per_page: int = 50) -> list[File]:
        """The files that were saved with the run."""
        return [File(saved) for name, saved in self.view.files().items() if not names or name in names]

    def file(self, name: str) -> File:
        """One of them.

        Raises:
            InputError: there is none of that name.
        """
        saved = self.view.files()
        if name not in saved:
            raise InputError.of("Run.file", f"one of {sorted(saved)}", name, "Save it in the run.")
        return File(saved[name])

    def logged_artifacts(self) -> list[Artifact]:
        """The versions that this run made."""
        return self._artifacts("made")

    def used_artifacts(self) -> list[Artifact]:
        """The versions that it used."""
        return self._artifacts("used")

    def _artifacts(self, role: str) -> list[Artifact]:
        store = artifacts(Path(str(self.view.path)).parent)
        return [used(store.use(f"{one.name}:{one.version}")) for one in self.view.artifacts() if one.role == role]

    def update(self) -> None:
        """Write what was changed: tags, notes, group, name, summary."""
        self.view.edit(tags=self.tags, notes=self.notes or "", group=self.group or "", name=self.name)
        self.summary.update()

    save = update

    def member(self, name: str) -> Any:
        """A member by wandb's dotted name: `config.lr`, `summary_metrics.acc`, `state`; None without one."""
        head, _, rest = name.partition(".")
        head = {"summary": "summary_metrics", "displayName": "display_name", "jobType": "job_type"}.get(head, head)
        value = getattr(self, head, None) if not head.startswith("_") else None
        if rest.endswith(".value") and head == "config":  # W&B keeps a config as {key: {"value": ...}}
            rest = rest.removesuffix(".value")
        if not rest:
            return value
        if isinstance(value, Mapping) and rest in value:
            return value[rest]
        for part in rest.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"


def _document(value: Any) -> Any:
    """A cell, its media as their documents."""
    if isinstance(value, list):
        return [_document(item) for item in value]
    return json.loads(value["_doc"]) if isinstance(value, dict) and "_doc" in value else value


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: bool(value == wanted),
    "$ne": lambda value, wanted: bool(value != wanted),
    "$gt": lambda value, wanted: bool(value > wanted),
    "$gte": lambda value, wanted: bool(value >= wanted),
    "$lt": lambda value, wanted: bool(value < wanted),
    "$lte": lambda value, wanted: bool(value <= wanted),
    "$in": lambda value, wanted: any(item in wanted for item in (value if isinstance(value, list) else [value])),
    "$nin": lambda value, wanted: not any(item in wanted for item in (value if isinstance(value, list) else [value])),
    "$exists": lambda value, wanted: (value is not None) == bool(wanted),
    "$regex": lambda value, wanted: isinstance(value, str) and re.search(wanted, value) is not None,
}


def matches(run: ApiRun, filters: Mapping[str, Any]) -> bool:
    """Whether a run is one that MongoDB's query would find.

    Raises:
        InputError: an operator that is not known.
    """
    return all(_holds(run, name, wanted) for name, wanted in filters.items())


def _holds(run: ApiRun, name: str, wanted: Any) -> bool:
    if name in ("$and", "$or", "$nor"):
        held = [matches(run, one) for one in wanted]
        return all(held) if name == "$and" else any(held) == (name == "$or")
    value = run.member(name)
    if not isinstance(wanted, Mapping) or not any(str(key).startswith("$") for key in wanted):
        return wanted in value if isinstance(value, list) and not isinstance(wanted, list) else bool(value == wanted)
    for operator, operand in wanted.items():
        if operator == "$not":
            if _holds(run, name, operand):
                return False
            continue
        if operator not in _OPERATORS:
            raise InputError.of(
                "wandb.Api.runs.filters", f"one of {', '.join(_OPERATORS)}", operator, "Use one of these."
            )
        try:
            if not _OPERATORS[operator](value, operand):
                return False
        except TypeError:  # they cannot be compared
            return False
    return True


def _differs(one: Any, other: Any) -> bool:
    try:
        both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
        return not both_nan and not bool(one == other)
    except ValueError:  # an array
        return True
