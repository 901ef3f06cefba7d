"""Names for the tensors that models pass around; the tests check their shapes at run time."""

from typing import TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

Signals: TypeAlias = Float[Tensor, "batch channels time"]
Labels: TypeAlias = Int[Tensor, "batch"]
Scores: TypeAlias = Float[Tensor, "batch"]
