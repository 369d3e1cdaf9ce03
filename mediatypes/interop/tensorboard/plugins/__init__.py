"""TensorBoard's plugins: what the values of each become, by its name.

A plugin is a module here, which gives a `Plugin`, and its line in PLUGINS. What they write stands in
tensorboard/plugins/<name>/metadata.py and summary_v2.py; what values without metadata mean in data_compat.py.
Files inside events (PNG, GIF, WAV...) are kept byte for byte.
"""

from __future__ import annotations

from . import audio, custom_scalars, graphs, histograms, hparams, images, mesh, pr_curves, scalars, text
from .base import Plugin

PLUGINS: dict[str, Plugin] = {
    "scalars": scalars.PLUGIN,
    "histograms": histograms.PLUGIN,
    "images": images.PLUGIN,
    "audio": audio.PLUGIN,
    "text": text.PLUGIN,
    "mesh": mesh.PLUGIN,
    "pr_curves": pr_curves.PLUGIN,
    "hparams": hparams.PLUGIN,
    "custom_scalars": custom_scalars.PLUGIN,
    **dict.fromkeys(graphs.NAMES, graphs.PLUGIN),
}
UNKNOWN = Plugin(text.convert)  # texts, and arrays as they are
BY_MESSAGE = {plugin.message: name for name, plugin in PLUGINS.items() if plugin.message}
MESSAGES = frozenset(name for name, plugin in PLUGINS.items() if plugin.holds_messages)
SHOWN_OTHERWISE = frozenset(type for plugin in PLUGINS.values() for type in plugin.shown_otherwise)
