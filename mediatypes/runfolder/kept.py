"""What a view of a run says of its files and artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lineage import RunArtifact
    from .saved_files import SavedFile


class KeptFiles:
    """Methods of `RunView`, which has the `path` of the run."""

    path: Any

    def files(self) -> dict[str, SavedFile]:
        """The files that are kept with the run, by name: what `Run.save` saved, and what came with an import.

        Each has `.path`, `.size`, `.sha256`, `.time`, `.open()` and `.read_bytes()`, which compares it with its hash.

        Raises:
            DocumentError: `files.json` is damaged.
            StoreError: the system refused.

        >>> import tempfile, mediatypes as mt
        >>> from pathlib import Path
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "notes.txt").write_text("as it was")
        >>> with mt.Run(root / "run") as run:
        ...     _ = run.save(root / "notes.txt", base_path=root)
        >>> mt.open_run(run.path).files()["notes.txt"].read_bytes()
        b'as it was'
        """
        from .saved_files import list_files

        return list_files(self.path)

    def artifacts(self) -> list[RunArtifact]:
        """The artifacts that the run made and used: `.name`, `.version`, `.type`, `.digest`, `.role`, `.time` of each.

        Raises:
            DocumentError: `artifacts.json` is damaged.
            StoreError: the system refused.
        """
        from .lineage import read_lineage

        return read_lineage(self.path)
