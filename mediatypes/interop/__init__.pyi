from . import accelerate as accelerate
from . import annotations as annotations
from . import elsewhere as elsewhere
from . import fastai as fastai
from . import hydra as hydra
from . import keras as keras
from . import layouts as layouts
from . import lightning as lightning
from . import optuna as optuna
from . import otel as otel
from . import ray as ray
from . import sklearn as sklearn
from . import tensorboard as tensorboard
from . import trackers as trackers
from . import transformers as transformers
from . import ultralytics as ultralytics
from . import wandb as wandb
from .trackers import log as log
from .trackers import to as to

__all__: list[str]
