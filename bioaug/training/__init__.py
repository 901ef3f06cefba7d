"""The one training loop, and what may watch it."""

from bioaug.training.callback import Callback
from bioaug.training.callbacks import Progress, TensorBoard
from bioaug.training.checkpoints import Checkpoint
from bioaug.training.collapse import CollapseGuard
from bioaug.training.config import TrainerConfig
from bioaug.training.early_stopping import EarlyStopping
from bioaug.training.state import TrainerState
from bioaug.training.trainer import Trainer

__all__ = [
    "Callback",
    "Checkpoint",
    "CollapseGuard",
    "EarlyStopping",
    "Progress",
    "TensorBoard",
    "Trainer",
    "TrainerConfig",
    "TrainerState",
]
