"""Hydra: a callback that makes a run of each job, single or of a sweep.

    hydra:
      callbacks:
        mediatypes:
          _target_: mediatypes.interop.hydra.MediatypesCallback

The job logs to it with `mediatypes.interop.hydra.run()`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from .._core.errors import InputError
from ._callbacks import plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback", "run"]

_callback: Any = need("hydra.experimental.callback", package="hydra-core", needed_for="mediatypes.interop.hydra")
_open: list[Run] = []  # of the job at hand


def run() -> Run:
    """The run of the job at hand.

    Raises:
        InputError: there is none.
    """
    if not _open:
        raise InputError.of("hydra.run", "a job with the callback", None, "Add it to hydra.callbacks in the config.")
    return _open[-1]


class MediatypesCallback(_callback.Callback):  # type: ignore[misc]
    """Opens a run in the output directory of each job, with its config and overrides, and finishes it.

    What the job returns is in the summary as `result`, where it is plain data; a job that raises leaves a failed run.

    Args:
        folder: the run's directory below the job's output directory.
        options: of `Run`: project, tags...
    """

    def __init__(self, folder: str = "run", **options: Any) -> None:
        self._folder, self._options = folder, options

    def on_job_start(self, config: Any, **kwargs: Any) -> None:
        from ..run import Run

        job = config.hydra.job
        settings = {key: value for key, value in plain(_settings(config)).items() if key != "hydra"}
        described = {"name": job.name, "group": job.name, "notes": job.override_dirname or None, **self._options}
        path = Path(config.hydra.runtime.output_dir, self._folder)
        _open.append(Run(path, config=settings, mode="allow", **described))

    def on_job_end(self, config: Any, job_return: Any, **kwargs: Any) -> None:
        if not _open:  # it could not be begun, as Hydra has said
            return
        ended = _open.pop()
        failed = job_return.status.name != "COMPLETED"
        result = None if failed else job_return.return_value
        if result is not None:
            try:
                ended.summary["result"] = result
            except InputError:
                ended.summary["result"] = repr(result)
        ended.finish("failed" if failed else "finished")


def _settings(config: Any) -> Any:
    """The config as dicts and lists; as it is written, if it refers to what is not there: the job may never ask."""
    omegaconf = need("omegaconf", needed_for="mediatypes.interop.hydra")
    try:
        return omegaconf.OmegaConf.to_container(config, resolve=True)
    except omegaconf.errors.OmegaConfBaseException:
        return omegaconf.OmegaConf.to_container(config, resolve=False)
