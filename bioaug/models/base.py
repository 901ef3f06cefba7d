"""What a generator is: networks, what each step minimises, and how signals are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from bioaug.core.tensors import Labels, Signals
from bioaug.models.constraints import Constraint

Losses: TypeAlias = dict[str, Tensor]  # named and already weighted: the trainer minimises their sum


@dataclass(frozen=True)
class SignalSpec:
    """The size of what a model makes.

    Attributes
    ----------
    n_channels, n_timesteps, n_classes : int
    """

    n_channels: int
    n_timesteps: int
    n_classes: int


class Batch(NamedTuple):
    """Encoded training rows.

    Attributes
    ----------
    signals : Tensor of shape (n_samples, n_channels, n_timesteps)
        In [-1, 1].
    labels : Tensor of shape (n_samples,)
        Indices from 0 to n_classes - 1.
    """

    signals: Signals
    labels: Labels


@dataclass(frozen=True)
class LossContext:
    """What a loss may depend on besides its batch, in models that have what an entry speaks of.

    Attributes
    ----------
    progress : float
        The fraction of the training steps that are done.
    penalty_every : int
        One discriminator step in so many, at random, has its gradient penalties, which then weigh
        as many times as much.
    penalty : {"autograd", "finite_difference"}
        How squared gradients are found.
    augment : float or "adaptive"
        Chance of each augmentation of what a discriminator sees, real and synthetic alike;
        "adaptive" raises it while the discriminator learns its training rows by heart.
    """

    progress: float = 0.0
    penalty_every: int = 1
    penalty: str = "autograd"
    augment: float | str = 0.0


DEFAULT_CONTEXT = LossContext()


@dataclass(frozen=True)
class Update:
    """One optimiser step.

    Attributes
    ----------
    name : str
        Names the optimiser and prefixes the logged losses.
    loss : callable (Batch, LossContext) -> Losses
        One equation of the paper.
    trains : tuple of str
        The sub-networks it moves; every other weight is frozen meanwhile.
    optimizer : callable (parameters) -> Optimizer
    skip_below : float, optional
        Rest while the loss is lower than this.
    after : callable () -> None, optional
        Run after the optimiser's step, to clip weights, say.
    schedule : callable (float) -> dict, optional
        Settings of the optimiser by the share of the training done, such as ``betas``; ``lr`` is a
        factor of its own learning rate, beside that of `TrainerConfig.schedule`.
    """

    name: str
    loss: Callable[[Batch, LossContext], Losses]
    trains: tuple[str, ...]
    optimizer: Callable[[Iterable[Parameter]], Optimizer]
    skip_below: float | None = None
    after: Callable[[], None] | None = None
    schedule: Callable[[float], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Phase:
    """A fraction of the training steps, each of which runs `updates` in order.

    Attributes
    ----------
    name : str
    updates : tuple of Update
    fraction : float
        Of the steps of the whole training; those of all phases add up to 1.
    """

    name: str
    updates: tuple[Update, ...]
    fraction: float = 1.0


class GenerativeModel(nn.Module, ABC):
    """A generator of signals, to be known by name with `register_model`.

    All its randomness comes from torch's generators, which a resumed training restores.

    Attributes
    ----------
    name : str
        What `register_model` knows the class by: its own name in lower case, unless it is set.
    conditional : bool
        Whether one model can hold several classes. Others are trained once per class.
    constraints : mapping
        What each parameter of the constructor but `spec` may be, by name, see
        `bioaug.models.constraints`; checked before the constructor runs.
    paper_params : mapping
        The parameters with which the model is the published one, as far as they are known; the
        others are left at their defaults.
    training_defaults : mapping
        Values of `TrainerConfig` that suit the model; what the user sets wins.
    """

    name: ClassVar[str]
    conditional: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Constraint]] = {}
    paper_params: ClassVar[Mapping[str, Any]] = {}
    training_defaults: ClassVar[Mapping[str, Any]] = {}

    def __new__(cls, *args: Any, **params: Any):  # the type is inferred: beartype knows no Self
        """Check the parameters by `constraints`, so that no constructor has to."""
        for name, value in params.items():
            if name in cls.constraints:
                cls.constraints[name].check(value, name=name, owner=cls.__name__)
        return super().__new__(cls)

    def __init__(self, spec: SignalSpec) -> None:
        super().__init__()
        self.spec = spec

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__.lower()

    def fit_preprocessing(self, signals: Signals, labels: Labels) -> None:
        """See the training rows once, before training, for a basis or a scale. Default: nothing."""

    def size_like(self, weights: Mapping[str, Tensor]) -> None:
        """Give buffers whose sizes depend on the training rows those of `weights`.

        Called before saved weights are loaded. Raises a ValueError where sizes or values are none
        that `fit_preprocessing` gives. Default: nothing, for models without such buffers.
        """

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """Return the training schedule; the fractions sum to 1."""

    @abstractmethod
    def generate(self, labels: Labels) -> Signals:
        """Return one float32 signal in [-1, 1] per label, of any `n_timesteps`.

        Noise comes from `torch.randn`, `rand`, their `_like` forms or one draw of `multinomial`,
        with the batch as its first dimension: `RowNoise` gives each row numbers from a stream of
        its own, so that a signal does not depend on its batch, and refuses all other random
        functions while signals are generated.
        """
