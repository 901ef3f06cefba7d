"""The one training loop, and what may watch it."""

from bioaug.training.callbacks import Checkpoint, Progress, TensorBoard
from bioaug.training.trainer import Callback, Trainer, TrainerConfig, TrainerState

__all__ = [
    "Callback",
    "Checkpoint",
    "Progress",
    "TensorBoard",
    "Trainer",
    "TrainerConfig",
    "TrainerState",
]
