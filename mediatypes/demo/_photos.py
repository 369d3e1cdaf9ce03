"""Two photographs, what is to be found in them, and what a classifier sees of each pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..columns.arrays import Array
from ._need import demo_package


class Photo(NamedTuple):
    """A photograph, (H, W) or (H, W, 3) uint8, where its objects are, (H, W) bool, and what they are."""

    pixels: Array
    reference: Array
    label: str

    @property
    def rgb(self) -> Array:
        """(H, W, 3) uint8; grey becomes three equal channels."""
        return np.broadcast_to(np.atleast_3d(self.pixels), (*self.reference.shape, 3))


def coins() -> Photo:
    """Coins of Pompeii, segmented by a watershed on the edges from sure background and sure coin."""
    filters, segmentation = demo_package("skimage.filters"), demo_package("skimage.segmentation")
    pixels = demo_package("skimage.data").coins()
    markers = np.where(pixels < 30, 1, np.where(pixels > 150, 2, 0))
    return Photo(pixels, segmentation.watershed(filters.sobel(pixels), markers) == 2, "coin")


def tissue() -> Photo:
    """Tissue in which a brown stain marks a protein, segmented by Otsu's threshold on that stain."""
    color, filters = demo_package("skimage.color"), demo_package("skimage.filters")
    pixels = demo_package("skimage.data").immunohistochemistry()
    stain = filters.gaussian(color.rgb2hed(pixels)[..., 2], 2)
    return Photo(pixels, stain > filters.threshold_otsu(stain), "stained")


def features(pixels: Array) -> Array:
    """(H, W, 5 C + 1) float32, standardised: of each of C channels the value, two blurs, the difference from
    the surroundings and the local contrast; and a constant."""
    gaussian = demo_package("skimage.filters").gaussian
    maps = []
    for channel in np.moveaxis(np.atleast_3d(pixels) / 255, 2, 0):
        fine, wide = gaussian(channel, 2), gaussian(channel, 40)
        variance = gaussian(channel**2, 4) - gaussian(channel, 4) ** 2
        maps += [channel, fine, gaussian(channel, 6), fine - wide, np.sqrt(np.maximum(variance, 0))]
    stacked = np.stack(maps, axis=-1)
    stacked = (stacked - stacked.mean((0, 1))) / stacked.std((0, 1))
    return np.concatenate([stacked, np.ones((*pixels.shape[:2], 1))], axis=-1).astype(np.float32)
