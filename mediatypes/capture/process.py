"""What a process was started as: its command line, script, notebook, and place in a job of many."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .secrets import clean_arguments, clean_url

# The variables that are written, all others are not: who this process is among those of a job, and what it may use.
_VARIABLES = re.compile(
    r"(LOCAL_|GROUP_|ROLE_)?RANK|(LOCAL_|GROUP_|ROLE_)?WORLD_SIZE|MASTER_(ADDR|PORT)|TORCHELASTIC_(RUN_ID|RESTART_COUNT)"
    r"|SLURM_(JOB_ID|JOB_NAME|JOB_PARTITION|JOB_NUM_NODES|JOB_NODELIST|JOB_GPUS|ARRAY_JOB_ID|ARRAY_TASK_ID|CLUSTER_NAME"
    r"|CPUS_PER_TASK|GPUS_ON_NODE|LOCALID|NNODES|NODEID|NODELIST|NTASKS|PROCID|RESTART_COUNT|STEP_ID)"
    r"|OMPI_COMM_WORLD_(RANK|SIZE|LOCAL_RANK|LOCAL_SIZE)|PMI_(RANK|SIZE)"
    r"|JOB_COMPLETION_INDEX|POD_(NAME|NAMESPACE)|NODE_NAME"
    r"|(CUDA|NVIDIA|HIP|ROCR)_VISIBLE_DEVICES|(OMP|MKL|OPENBLAS)_NUM_THREADS|CUBLAS_WORKSPACE_CONFIG|PYTHONHASHSEED"
    r"|CONDA_DEFAULT_ENV"
)
_LONGEST = 1000  # characters of a variable
_MAX_ARGUMENTS = 1000
_LARGEST_CELLS = 2**20  # characters


def describe_process(known: Collection[str]) -> dict[str, Any]:
    """Command line, script, working directory, Python, and the variables of `_VARIABLES`.

    Args:
        known: texts in the run's config: values of arguments that may be written whatever they look like.
    """
    described: dict[str, Any] = {
        "argv": [*sys.argv[:1], *clean_arguments(sys.argv[1:_MAX_ARGUMENTS], known)],
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "pid": os.getpid(),
    }
    if script := script_path():
        described["script"] = str(script)
    if spec := getattr(sys.modules.get("__main__"), "__spec__", None):
        described["module"] = str(spec.name).removesuffix(".__main__")
    try:
        described["cwd"] = os.getcwd()
    except OSError:  # it was removed
        pass
    variables = {name: clean_url(value[:_LONGEST]) for name, value in os.environ.items() if _VARIABLES.fullmatch(name)}
    if variables:
        described["variables"] = dict(sorted(variables.items()))
    if name := notebook_name():
        described["notebook"] = name
    return described


def script_path() -> Path | None:
    """The file of the program that runs; None in a session."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).absolute() if isinstance(file, str) and os.path.isfile(file) else None


def notebook_name() -> str | None:
    """The notebook that this process is the kernel of, if its front end says so; None elsewhere."""
    shell = _notebook_shell()
    if shell is None:
        return None
    name = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(name) if name else None


def notebook_cells() -> str | None:
    """The cells that were executed till now, in their order, as a Python file; None elsewhere."""
    shell = _notebook_shell()
    if shell is None:
        return None
    cells = [str(cell) for cell in shell.user_ns.get("In", ())[1:] if str(cell).strip()]
    return "\n\n".join(f"# %%\n{cell}" for cell in cells)[-_LARGEST_CELLS:] + "\n"


def _notebook_shell() -> Any:
    """IPython's shell, if it is one of a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if shell is not None and type(shell).__name__ == "ZMQInteractiveShell" else None
