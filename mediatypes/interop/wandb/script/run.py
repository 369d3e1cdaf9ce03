"""A run by wandb's names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from ...._core.errors import InputError, MediaTypesError, Verbatim, describe
from ....run import Run as MediatypesRun
from ....view import open_run
from .api import Api, File
from .artifact import Artifact, used
from .lenient import settled
from .mapping import Config, History
from .settings import Settings


def _described(name: str) -> property:
    """What the run says of itself under this name, or None."""
    return property(lambda self: self.run._described.get(name))


class Run:
    """What `wandb.init` returns; `run.run` is the `mediatypes.Run` behind it.

    Args:
        run: where to.
        id: wandb's id, by which a script resumes.
        ended: called when it is over.
        allow_val_change: whether the config may change.
        is_disabled: nothing of it is to be kept.
    """

    def __init__(
        self,
        run: MediatypesRun,
        id: str,
        ended: Callable[[Run], None],
        *,
        entity: str | None = None,
        allow_val_change: bool = False,
        is_disabled: bool = False,
        resumed: bool = False,
    ) -> None:
        self.run, self.id, self.entity, self.disabled, self.resumed = run, id, entity, is_disabled, resumed
        self.config, self.summary = Config(run.config, allow_val_change), run.summary
        self.history = History(self.log)
        self._ended = ended
        self._is_over = False

    def log(self, data: Any, step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
        """Log a row, as `mediatypes.Run.log` does; what is wrong with it is a problem of the run.

        As in wandb, the summary has what was logged last, also where an earlier value was set in it.
        """
        row, errors = self.history.take(), list[MediaTypesError]()
        data = settled({**row, **data} if isinstance(data, Mapping) else data, errors)
        if errors:
            self.run._report([problem for error in errors for problem in describe(error)])
        calls = self.run._writer.calls
        self.run.log(data, step, commit)
        if self.run._writer.calls > calls:
            self.summary._give_way(data)

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: failed if the exit code is not 0."""
        if self._is_over:
            return
        if self.history.row:
            self.log({})
        self._is_over = True
        self.run.finish("failed" if exit_code else "finished")
        if self.disabled:
            shutil.rmtree(self.run.path, ignore_errors=True)
        self._ended(self)

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: Any = None,
        overwrite: bool | None = None,
    ) -> Any:
        """Say what a key is plotted against, and what the summary has of it; see `mediatypes.Run.define_metric`."""
        words = [word for word in (summary or "").split(",") if word.strip() and word.strip() != "copy"]
        options = {"summary": ",".join(words) or None, "goal": goal, "step_sync": step_sync}
        return self.run.define_metric(name, step_metric, overwrite=bool(overwrite), **options)

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Literal["gradients", "parameters", "all"] | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of gradients, parameters or both, every so many calls of `backward`."""
        if log is not None:
            for model in models if isinstance(models, (list, tuple)) else [models]:
                self.run.watch(model, log=log, every=log_freq)

    def unwatch(self, models: Any = None) -> None:
        """Stop that, for these models or for all."""
        for model in models if isinstance(models, (list, tuple)) else [models]:
            self.run.unwatch(model)

    def save(
        self, glob_str: str | os.PathLike[str], base_path: str | os.PathLike[str] | None = None, policy: str = "live"
    ) -> list[str]:
        """Keep files with the run as they are now; see `mediatypes.Run.save`."""
        return [str(self.run.path / "files" / saved.name) for saved in self.run.save(glob_str, base_path)]

    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: str | os.PathLike[str] | None = None
    ) -> Any:
        """A file that was saved, as an open text file below `root` (by default the run's directory), or None."""
        saved = open_run(self.run.path if run_path is None else Api().run(run_path).path_on_disk).files()
        if name not in saved:
            raise ValueError(f"wandb.restore: expected one of {sorted(saved)}, got {name!r}. Save it first.")
        return File(saved[name]).download(str(root or self.run.path / "files"), replace, exist_ok=True)

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,
        aliases: Any = None,
        tags: Any = None,
    ) -> Artifact:
        """Log an artifact, a file or a folder as a new version, if its content is new."""
        if isinstance(artifact_or_path, Artifact):
            artifact = artifact_or_path
        else:
            path = Path(artifact_or_path)
            artifact = Artifact(name or f"run-{self.id}-{path.name}", type or "unspecified")
            (artifact.add_dir if path.is_dir() else artifact.add_file)(str(path))
        named: list[str] = [aliases] if isinstance(aliases, str) else list(aliases or ())
        return artifact._log(self.run, named)

    def use_artifact(
        self, artifact_or_name: Any, type: str | None = None, aliases: Any = None, use_as: Any = None
    ) -> Artifact:
        """Use a version: "name:latest", "name:v3", "entity/project/name:best", or an `Artifact`."""
        if isinstance(artifact_or_name, Artifact):
            if not artifact_or_name.is_logged:
                return self.log_artifact(artifact_or_name)
            self.run.use_artifact(artifact_or_name.version_of)
            return artifact_or_name
        return used(self.run.use_artifact(str(artifact_or_name).rsplit("/", 1)[-1]))

    def log_model(self, path: str, name: str | None = None, aliases: Any = None) -> Artifact:
        """Log a file or folder as an artifact of type "model"."""
        return self.log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> str:
        """The local path of a model that was logged: of its file if there is one only, else of its folder."""
        path = self.run.use_artifact(name.rsplit("/", 1)[-1]).path
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
        return str(files[0] if len(files) == 1 else path)

    def log_code(
        self, root: str | None = ".", name: str | None = None, include_fn: Any = None, exclude_fn: Any = None
    ) -> Any:
        """Log the Python files below a directory as an artifact of type "code"."""
        base = Path(root or ".")
        artifact = Artifact(name or f"source-{self.project or 'uncategorized'}", "code")
        for path in sorted(base.rglob("*.py")):
            text = str(path)
            is_wanted = (include_fn is None or include_fn(text)) and not (exclude_fn and exclude_fn(text))
            if "wandb" not in path.parts and is_wanted:
                artifact.add_file(text, path.relative_to(base).as_posix())
        return self.log_artifact(artifact)

    def alert(self, title: str, text: str, level: Any = None, wait_duration: Any = None) -> None:
        """Print it: there is no server that sends messages."""
        print(f"wandb: {getattr(level, 'value', level) or 'INFO'}: {title}: {text}", file=sys.stderr)

    def _label(self, *arguments: Any, **options: Any) -> None:
        """Nothing: frameworks tell wandb's server who they are."""

    def mark_preempting(self) -> None:
        """Nothing: a run that is killed can be resumed anyway."""

    def logged_artifacts(self) -> list[Artifact]:
        """The versions that this run made so far."""
        return Api({"dir": self.run.path.parent}).run(self.id).logged_artifacts()

    def link_artifact(self, *arguments: Any, **options: Any) -> None:
        """Refused: registries are on a server."""
        hint = "Give it an alias: run.log_artifact(artifact, aliases=['production'])."
        raise InputError.of("wandb.Run.link_artifact", "a call that needs no server", Verbatim("one that does"), hint)

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def project(self) -> str | None:
        return self.run.project

    @property
    def tags(self) -> tuple[str, ...]:
        return self.run.tags

    group, job_type, notes = (_described(name) for name in ("group", "job_type", "notes"))

    @property
    def dir(self) -> str:
        """The folder whose files belong to the run."""
        folder = self.run.path / "files"
        folder.mkdir(exist_ok=True)
        return str(folder)

    @property
    def path(self) -> str:
        return "/".join(filter(None, (self.entity, self.project, self.id)))

    @property
    def url(self) -> None:
        """None: there is no server. `mediatypes view` shows the run."""
        return None

    project_url = sweep_id = sweep_url = url
    get_url = get_project_url = lambda self: None

    @property
    def settings(self) -> Settings:
        """The settings that runs begin with."""
        return Settings(mode="offline", run_id=self.id, project=self.project)

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970-01-01 UTC."""
        return float(self.run._described["started"])

    @property
    def step(self) -> int:
        return self.run.step

    @property
    def starting_step(self) -> int:
        return self.run._resumed_at

    @property
    def offline(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        code = error.code if isinstance(error, SystemExit) else error is not None
        self.finish(1 if code else 0)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.run.path}>"
