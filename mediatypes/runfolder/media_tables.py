"""What a run, and a set of runs, have as tables beside the history: the boxes and the histograms that were logged."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class MediaTables:
    """Tables of what stands inside media; of a set of runs each begins with the column `run`."""

    __slots__ = ()

    def boxes(self, key: str | None = None) -> pa.Table:
        """A row for each box of the logged images; sets of boxes are read, pictures are not.

        Args:
            key: only the images of this key.

        Returns:
            `key`, `step` (null in the summary), `index` (in a list of images, else null) and `path` say which image;
            `set` is the name of the set, `box` the position in it; `class_id`, `label`, `caption` as they were given;
            `score` the one that is called so, or the only one, `scores` all by name; `xmin ymin xmax ymax` and `area`
            in pixels, `xmin_fraction`... in fractions of the image. Images in tables have no rows here.

        Raises:
            InputError: there is no such key.
            DocumentError, SidecarMissing, HashMismatch: a set of boxes is damaged, gone or changed.

        >>> import tempfile, numpy as np, mediatypes as mt
        >>> cats = mt.BoundingBoxes2D.from_xyxy([[0, 0, 2, 1]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     run.log({"photo": mt.Image(np.zeros((2, 4), np.uint8), boxes={"pred": cats})})
        >>> mt.open_run(run.path).boxes().select(["key", "set", "label", "xmax", "xmax_fraction"]).to_pylist()
        [{'key': 'photo', 'set': 'pred', 'label': 'cat', 'xmax': 2.0, 'xmax_fraction': 0.5}]
        """
        return self._rows_inside("boxes", key)

    def histograms(self, key: str | None = None) -> pa.Table:
        """A row for each bin of the logged histograms: key, step, index (as in `boxes`), bin, low, high, count.

        Raises:
            InputError: there is no such key.
            DocumentError: a histogram is damaged.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     run.log({"weights": mt.Histogram([1, 2, 2], num_bins=2)})
        >>> mt.open_run(run.path).histograms("weights").select(["low", "high", "count"]).to_pylist()
        [{'low': 1.0, 'high': 1.5, 'count': 1.0}, {'low': 1.5, 'high': 2.0, 'count': 2.0}]
        """
        return self._rows_inside("histograms", key)

    @abstractmethod
    def _rows_inside(self, what: str, key: str | None) -> pa.Table:
        """The table of a name in `SCHEMAS`."""
