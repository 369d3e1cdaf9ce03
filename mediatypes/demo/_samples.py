"""Samples of the run that no training changes: a scene in space and a molecule."""

from __future__ import annotations

import numpy as np

from ..columns.arrays import Array
from ..types.molecule.value import Molecule
from ..types.object3d.boxes3d import Box3D
from ..types.object3d.value import Object3D
from ._need import demo_package

# The calibration that scikit-image documents at skimage.data.stereo_motorcycle, in pixels and metres.
_FOCAL_LENGTH = 994.978
_CENTER_X, _CENTER_Y = 311.193, 254.877
_CENTER_DIFFERENCE = 31.086
_BASELINE = 0.193001
# Measured on the points, as the box is: the floor is level and at height 0.
_CAMERA_PITCH = np.radians(14.4)
_CAMERA_HEIGHT = 1.055
_SHOWN_EVERY = 2  # pixels, along both axes


def motorcycle() -> Object3D:
    """A stereo photograph of a motorcycle as coloured points: x to the right, y ahead, z up, with a box around it."""
    photo, _, disparity = demo_package("skimage.data").stereo_motorcycle()
    rows, columns = np.nonzero(np.isfinite(disparity))
    shown = (rows % _SHOWN_EVERY == 0) & (columns % _SHOWN_EVERY == 0)
    rows, columns = rows[shown], columns[shown]
    places = _in_space(rows, columns, disparity[rows, columns])
    points = np.concatenate([places, photo[rows, columns]], axis=1, dtype=np.float32)
    yaw = np.radians(-14.8)
    box = Box3D(
        center=(0.14, 2.32, 0.42),
        size=(1.47, 0.4, 0.84),
        orientation=(np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)),
        color=(255, 220, 0),
        label="motorcycle",
    )
    return Object3D.from_point_cloud(points, [box], caption="a motorcycle in a garage, from a stereo photograph")


def _in_space(rows: Array, columns: Array, disparity: Array) -> Array:
    """(n, 3) metres, of n pixels by their disparity."""
    depth = _BASELINE * _FOCAL_LENGTH / (disparity + _CENTER_DIFFERENCE)
    right = (columns - _CENTER_X) * depth / _FOCAL_LENGTH
    up = (_CENTER_Y - rows) * depth / _FOCAL_LENGTH
    cos, sin = np.cos(_CAMERA_PITCH), np.sin(_CAMERA_PITCH)
    return np.stack([right, depth * cos + up * sin, up * cos - depth * sin + _CAMERA_HEIGHT], axis=1)


def caffeine() -> Molecule:
    """Caffeine, with hydrogens and folded in space by RDKit."""
    return Molecule.from_smiles("CN1C=NC2=C1C(=O)N(C)C(=O)N2C", caption="caffeine")
