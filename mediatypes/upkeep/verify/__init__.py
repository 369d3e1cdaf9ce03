"""Checking documents and run folders against the format: what `mediatypes validate` and `mediatypes verify` do.

A folder may come from anybody: nothing in it is run, nothing outside it is read, nothing is fetched, and what is held
in memory at once does not grow with the number of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from ..._core.errors import InputError, StoreError
from ..._core.location import local_path
from ..._core.parallel import map_runs
from ...runfolder import files
from .document_file import check_document_file
from .report import Report
from .run_folder import check_run_folder


def check(path: str | Path, deep: bool = False) -> Report:
    """Check a run folder, or a JSON file of one document or a list of them.

    Args:
        path: what to check.
        deep: compare also everything that a run says twice: sidecars with their SHA-256, `media.parquet` and
            `summary.json` with the rows, rows with the footers. Every byte of the run is read then.

    Returns:
        What was found. `error` says why nothing could be checked, if nothing could.
    """
    try:
        local_path(path, "verify")
        path = Path(path)
        if path.name in (files.RUN, files.SUMMARY, files.HISTORY, files.MEDIA) and (path.parent / files.RUN).is_file():
            files.read_run_json(path)  # says which folder to pass
        return check_run_folder(path, deep) if path.is_dir() else check_document_file(path)
    except InputError as error:
        return Report(str(path), error=str(error))
    except StoreError as error:
        return Report(str(path), error=" ".join((error.strerror or str(error)).splitlines()))


def check_all(
    paths: Iterable[str | Path], deep: bool = False, executor: Executor | None = None, jobs: int | None = 1
) -> Iterator[Report]:
    """Check many paths; the reports come in the order of the paths.

    Args:
        paths: run folders or JSON files.
        deep: see `check`.
        executor: does the work: a process pool, `dask.distributed`'s `Client.get_executor()`...
        jobs: without an executor, how many processes do; None for one a processor.

    Raises:
        MediaTypesError: a process was killed.
    """
    return (report for _, report in map_runs(partial(check, deep=deep), list(paths), executor, jobs))
