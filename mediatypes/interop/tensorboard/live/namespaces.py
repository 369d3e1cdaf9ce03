"""The namespaces of the keys of a live run: where the log directory of a writer stands below their root."""

from __future__ import annotations

import os

from ...importing.names import free_name
from ..importing.plan import SPLITS


class Namespaces:
    """Names log directories by their path below a root, a directory or URL.

    Without one, the directory of the first writer is the root, as if that directory were imported; the one above it
    if it is called train, validation..., as Keras does. A directory that is not below the root is named by its path
    below the directory that both have in common.

    >>> names = Namespaces()
    >>> [names.of(logdir) for logdir in ("/logs/a/train", "/logs/a/validation", "/logs/a", "/logs/b")]
    ['train', 'validation', '', 'b']
    """

    def __init__(self, root: str = "") -> None:
        self.root = absolute(root) if root else ""
        self._given = bool(root)
        self._names: dict[str, str] = {}

    def contains(self, logdir: str) -> bool:
        """Whether a directory is below the root that was given; every directory is, if none was."""
        path = absolute(logdir)
        return not self._given or path == self.root or path.startswith(self.root.rstrip("/") + "/")

    def of(self, logdir: str) -> str:
        """The namespace of a directory, "" for the root."""
        path = absolute(logdir)
        if not self.root:
            above, _, last = path.rpartition("/")
            self.root = above or "/" if last in SPLITS else path
        if path not in self._names:
            self._names[path] = self._name(path)
        return self._names[path]

    def is_outside(self, logdir: str) -> bool:
        """Whether a directory is neither the root nor below it."""
        path = absolute(logdir)
        return path != self.root and not path.startswith(self.root.rstrip("/") + "/")

    def _name(self, path: str) -> str:
        if path == self.root:
            return ""
        common = self.root
        while common and not path.startswith(common.rstrip("/") + "/"):
            common = common.rpartition("/")[0]
        return free_name(path.removeprefix(common).strip("/"), set(self._names.values()))


def absolute(logdir: str) -> str:
    """A directory as an absolute path with /; a URL as it is."""
    path = os.fspath(logdir)
    if "://" in path:
        return path.rstrip("/")
    return os.path.abspath(path).replace(os.sep, "/")
