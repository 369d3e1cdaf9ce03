"""Draw `docs/demo.png` from a run of the demo: `python docs/picture.py demo-runs/run-001`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import mediatypes as mt

KEY, SHOWN = "coins.photo", 3


def main(run: str) -> None:
    view = mt.open_run(run)
    photos = list(view.values(KEY))
    chosen = [photos[round(i * (len(photos) - 1) / (SHOWN - 1))] for i in range(SHOWN)]
    figure, axes = plt.subplots(
        1, SHOWN + 1, figsize=(16, 3.4), width_ratios=[1.25] * SHOWN + [1.1], layout="constrained"
    )
    for axis, (step, image) in zip(axes, chosen, strict=False):
        draw(axis, image)
        axis.set_title(f"step {step}: {image.caption}", fontsize=9)
    history = view.to_pandas(["coins.loss", "coins.iou"])
    axes[-1].plot(history["_step"], history["coins.loss"], label="coins.loss")
    axes[-1].plot(history["_step"], history["coins.iou"], label="coins.iou")
    axes[-1].legend(frameon=False)
    axes[-1].set_title("history.parquet")
    figure.savefig(Path(__file__).with_name("demo.png"), dpi=80)


def draw(axis: plt.Axes, image: mt.Image) -> None:
    axis.imshow(image.to_pil().convert("RGB"))
    predicted = image.masks["prediction"].to_numpy()
    axis.imshow(np.ma.masked_equal(predicted, 0), alpha=0.35, cmap="autumn", interpolation="nearest")
    for left, top, right, bottom in image.boxes["prediction"].to_xyxy():
        axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color="cyan", linewidth=1))
    axis.set_axis_off()


if __name__ == "__main__":
    main(sys.argv[1])
