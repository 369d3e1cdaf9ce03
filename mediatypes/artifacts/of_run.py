"""What a run keeps and makes: the part of `Run` that is about files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.errors import InputError, Problem

if TYPE_CHECKING:
    from ..runfolder.saved_files import SavedFile


class KeepsFiles:
    """Methods of `Run`, which has what is declared here."""

    path: Any
    _record: bool
    _store: Any
    _require_open: Any
    _report: Any

    def save(self, pattern: str | os.PathLike[str], base_path: str | os.PathLike[str] | None = None) -> list[SavedFile]:
        """Keep files with the run: copies of them in `files/`, listed in `files.json` with their SHA-256.

        A file of a name that was saved before is replaced; versions are what `log_artifact` is for. Equal content is
        stored once where the file system has hard links. `RunView.files` gives them back.

        Args:
            pattern: a file, a directory, or a pattern such as `checkpoints/**/*.pt`; hidden files only by their names.
            base_path: where their names begin. Default: the current directory; of an absolute pattern the directory
                above that of the files, so that `/data/out/*.txt` are named `out/...`.

        Returns:
            What was saved: `.name`, `.path` of the copy, `.size`, `.sha256`, `.time`.

        Raises:
            InputError: no file, a name that is not safe on every system, a link that leads out of `base_path`: with
                every problem, and nothing is saved. With `on_error="record"` the good ones are.
            StoreError: the system refused.
            RunClosed: after `finish()`.

        >>> import tempfile, mediatypes as mt
        >>> from pathlib import Path
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "model.bin").write_bytes(b"weights")
        >>> with mt.Run(root / "run") as run:
        ...     [saved.name for saved in run.save(root / "*.bin", base_path=root)]
        ['model.bin']
        """
        from ..runfolder.saved_files import put_files, wrong_names
        from .selecting import select_files

        self._require_open("save")
        problems: list[Problem] = []
        try:
            selected, problems = select_files(pattern, base_path, self.path)
        except InputError as error:
            selected, problems = dict[str, Path](), [*error.problems]
        for name, wrong in wrong_names(self.path, selected).items():
            problems.append(wrong)
            del selected[name]
        if problems:
            if not self._record:
                raise InputError(problems)
            self._report(problems)
        return put_files(self.path, dict(selected), durable=self._store._durable) if selected else []
