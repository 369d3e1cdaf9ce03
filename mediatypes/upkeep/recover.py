"""Finish a run whose process is gone."""

from __future__ import annotations

import os
from pathlib import Path

from ..runfolder import files
from ..runfolder.lock import Lock
from ..view import RunView


def recover(path: str | os.PathLike[str], force: bool = False) -> RunView:
    """Write the Parquet files of a run that was killed, as `finish()` would have; its status is "killed" then.

    A run that is over stays as it is; what a crash left of its journal is removed. `RunView.problems` of the answer
    says what could not be read.

    Args:
        path: the run's directory.
        force: go on where the file system cannot tell whether a writer on another host still lives.

    Raises:
        RunLocked: a process is writing it.
        StoreError: there is no run, or the system refused; nothing is lost then.
        DocumentError: `run.json` or a journal is none of ours.

    >>> import os, subprocess, sys, tempfile, mediatypes as mt
    >>> path = tempfile.mkdtemp() + "/run"
    >>> script = "import os, sys, mediatypes as mt; mt.Run(sys.argv[1]).log({'loss': 0.5}); os._exit(1)"
    >>> subprocess.run([sys.executable, "-c", script, path]).returncode
    1
    >>> mt.recover(path).status, os.path.exists(path + "/history.parquet")
    ('killed', True)
    """
    root = Path(path).absolute()
    if files.read_run_json(root)["status"] == "running" or (root / files.JOURNAL).exists():
        lock = Lock(root, force)
        try:
            if files.read_run_json(root)["status"] == "running":  # nobody else was faster
                from ..writing import finish  # numpy and pyarrow are needed only now

                files.remove_leftovers(root)
                finish.finish(root, "killed")
            else:
                files.remove_journals(root)
        finally:
            lock.release()
    return RunView(root)
