"""What a run keeps and makes: the part of `Run` that is about files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.errors import InputError, Problem

if TYPE_CHECKING:
    from ..runfolder.saved_files import SavedFile
    from .store import Artifacts
    from .version import Artifact


class KeepsFiles:
    """Methods of `Run`, which has what is declared here."""

    id: Any
    name: Any
    path: Any
    _record: bool
    _store: Any
    _require_open: Any
    _report: Any

    def log_artifact(
        self,
        name: str,
        type: str,
        path_or_dir: Any,
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
    ) -> Artifact:
        """Log a file, a folder, or several things as a version of an artifact, in `artifacts/` beside the runs.

        A new version is made only if the content, the metadata or the description are others than those of the latest
        one. `mt.artifacts(root).use("name:best")` gives it back, and `use_artifact` to another run.

        Args:
            name: letters, digits, `-`, `_` and `.`.
            type: what sort of thing it is, such as "dataset" or "model"; the same for all versions.
            path_or_dir: a file or directory, which is copied; a URL or a `Reference`, which is referred to; a media
                value; or a dict of names to these and bytes. See `Artifacts.log`.
            aliases: names of this version from now on; "latest" means the newest one by itself.
            metadata, description: plain data and text about it.

        Raises:
            InputError: with every problem; nothing is logged.
            StoreError: the system refused, or a server does not answer.
            RunClosed: after `finish()`.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     artifact = run.log_artifact("model", "model", {"weights.bin": b"0123"}, aliases=["best"])
        >>> artifact.version, artifact.aliases, artifact.run["name"]
        ('v0', ('best', 'latest'), 'run')
        """
        self._require_open("log_artifact")
        log = self._artifacts().log
        described = {"description": description, "durable": self._store.durable}
        return log(name, type, path_or_dir, aliases, metadata, run=self, **described)

    def use_artifact(self, artifact: str | Artifact) -> Artifact:
        """Use a version of an artifact, and remember that this run did.

        Args:
            artifact: "name:best", "name:v3" or "name" (the newest one) of those beside the run; or one that
                `mt.artifacts(elsewhere).use(...)` gave.

        Raises:
            StoreError: there is none.
            DocumentError: its manifest is damaged.
            RunClosed: after `finish()`.

        >>> import tempfile, mediatypes as mt
        >>> root = tempfile.mkdtemp()
        >>> _ = mt.artifacts(root).log("words", "dataset", {"a.txt": b"one"})
        >>> with mt.Run(f"{root}/run") as run:
        ...     words = (run.use_artifact("words:latest").path / "a.txt").read_text()
        >>> [(used.name, used.version, used.role) for used in mt.open_run(run.path).artifacts()]
        [('words', 'v0', 'used')]
        """
        from .store import USED, remember
        from .version import Artifact

        self._require_open("use_artifact")
        chosen = artifact if isinstance(artifact, Artifact) else self._artifacts().use(artifact)
        remember(self.path, chosen, USED)
        return chosen

    def _artifacts(self) -> Artifacts:
        """Those beside the run: of MEDIATYPES_DIR if the run is anywhere below it, else of the directory above it."""
        from .store import artifacts

        root, base = self.path.parent, os.environ.get("MEDIATYPES_DIR")
        if base and self.path.is_relative_to(above := Path(os.path.abspath(os.path.expanduser(base)))):
            root = above
        return artifacts(root)

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
        return put_files(self.path, dict(selected), durable=self._store.durable) if selected else []
