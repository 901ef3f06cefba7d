"""Ways for a network to know the label."""

from __future__ import annotations

from torch import Tensor, nn

from bioaug.core.tensors import Labels, Scores


class LabelProjection(nn.Module):
    """The part of a discriminator's score that depends on the label [1]_.

    It is the inner product of the features with a vector of the label, which begins at 0.

    References
    ----------
    .. [1] Miyato T, Koyama M, "cGANs with projection discriminator", ICLR 2018.
    """

    def __init__(self, n_classes: int, dim: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(n_classes, dim)
        nn.init.zeros_(self.vectors.weight)

    def forward(self, features: Tensor, labels: Labels) -> Scores:
        """Return one number per row of `features`, of shape (batch, dim)."""
        return (features * self.vectors(labels)).sum(dim=1)
