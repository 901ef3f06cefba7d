"""Pre-norm transformer blocks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

FEW_TOKENS = 64  # up to here the written-out form trains faster on a CPU than the fused kernel


class SelfAttention(nn.Module):
    """Multi-head self-attention, on torch's fused kernel where that is the faster one.

    The reference code divides by the root of the embedding size; this divides by that of a head's.
    """

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape, each a mixture of all."""
        heads = self.query_key_value(tokens).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each batch, heads, tokens, head size
        if tokens.device.type == "cpu" and tokens.shape[1] <= FEW_TOKENS:
            logits = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
            attended = logits.softmax(dim=3) @ value
        else:
            attended = scaled_dot_product_attention(query, key, value)
        return self.out(attended.transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """Attention and a GELU network, each normalised before and added to its input."""

    def __init__(self, dim: int, n_heads: int, *, expansion: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.LayerNorm(dim), SelfAttention(dim, n_heads), nn.Dropout(dropout)
        )
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, expansion * dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * dim, dim),
            nn.Dropout(dropout),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        tokens = tokens + self.attention(tokens)
        return tokens + self.feed_forward(tokens)
