"""Run a script that imports wandb, unchanged: `python -m mediatypes.interop.wandb script.py [arguments]`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

from .standing_in import install

_USAGE = "usage: python -m mediatypes.interop.wandb SCRIPT.py [ARGUMENTS]"


def main() -> None:
    """Run the script as Python would: its arguments, its directory on the path, its tracebacks and its exit code."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        _exit(_USAGE)
    del sys.argv[0]
    script = os.path.abspath(sys.argv[0])
    try:
        source = Path(script).read_bytes()
    except OSError as error:
        _exit(f"{sys.argv[0]}: expected a script, got {error.strerror}. Check the path.\n{_USAGE}")
    sys.excepthook = partial(_show, sys.excepthook, script)
    code = compile(source, script, "exec")
    install()
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    module: Any = ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=__builtins__)
    sys.modules["__main__"] = module  # of which pickle and multiprocessing take what the script defines
    exec(code, module.__dict__)


def _exit(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


def _show(show: Any, script: str, kind: Any, error: BaseException, trace: TracebackType | None) -> None:
    """Show an error with its traceback from where the script begins; one that it cannot begin with has none."""
    own = trace
    while own is not None and own.tb_frame.f_code.co_filename != script:
        own = own.tb_next
    shown = own if own is not None or isinstance(error, SyntaxError) else trace
    show(kind, error.with_traceback(shown), shown)


if __name__ == "__main__":
    main()
