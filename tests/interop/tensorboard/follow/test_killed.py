"""A process that follows logs, killed before any one of the operations by which it changes files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mediatypes.interop.tensorboard import follow_logdir, import_logdir
from tests.interop.tensorboard.event_files import VERSION, scalar
from tests.interop.tensorboard.importing.test_growing import LATER, NAME, histogram, mesh, same

ROOT = Path(__file__).parents[4]
SAMPLES = 5  # of the operations; all of them take some minutes


def parts() -> list[tuple[str, bytes]]:
    """What is appended to which file, in turn."""
    found = [(f"a/{NAME}", VERSION)]
    for step in range(12):
        found.append((f"a/{NAME if step < 8 else LATER}", b"" if step != 8 else VERSION))
        found.append((found[-1][0], scalar("loss", step, step)[:20]))
        found.append((found[-1][0], scalar("loss", step, step)[20:] + histogram(step) + mesh(step)[0]))
        found.append((found[-1][0], b"".join(mesh(step)[1:])))
        if step % 4 == 0:
            found.append((f"b/{NAME}", scalar("loss", step, step) if step else VERSION))
    return found


def scenario(root: Path, last: int) -> None:
    """Write and follow in turn; the process ends before operation number `last`."""
    from mediatypes.interop.importing.sources import open_logdir
    from mediatypes.interop.tensorboard.follow import LogFollower, tail
    from mediatypes.interop.tensorboard.importing.write_folder import Options

    count = 0

    def counted(name: str) -> None:
        operation = getattr(os, name)

        def work(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count == last:
                os._exit(9)
            return operation(*arguments, **options)

        setattr(os, name, work)

    for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync"):
        counted(name)
    tail._MAX_EVENTS = 8
    follower = LogFollower(open_logdir(root / "logs"), root / "runs", "auto", Options())
    for path, data in parts():
        (root / "logs" / path).parent.mkdir(parents=True, exist_ok=True)
        with open(root / "logs" / path, "ab") as file:
            file.write(data)
        follower.poll()
        for run in follower.runs.values():
            if run._renewal is not None:
                run._renewal.exception()
    follower.finish()
    print(count)


@pytest.mark.skipif(os.name == "nt", reason="a process ends otherwise there")
def test_following_again_gives_what_one_import_gives(tmp_path: Path) -> None:
    def run(last: int) -> subprocess.CompletedProcess[str]:
        root = tmp_path / str(last)
        (root / "logs").mkdir(parents=True)
        code = f"from {__name__} import *; scenario(Path({str(root)!r}), {last})"
        return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)

    whole = run(-1)
    assert whole.returncode == 0, whole.stderr
    operations = int(whole.stdout)
    assert operations > 100
    samples = int(os.environ.get("SAMPLES", SAMPLES))
    for i in range(1, samples + 1):
        last = i * operations // samples
        assert run(last).returncode == 9
        logs, runs = tmp_path / str(last) / "logs", tmp_path / str(last) / "runs"
        assert follow_logdir(logs, runs, idle=0).is_complete
        import_logdir(logs, tmp_path / f"whole{last}")
        same(tmp_path / f"whole{last}", runs)
