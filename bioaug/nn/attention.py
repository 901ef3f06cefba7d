"""Pre-norm transformer blocks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class SelfAttention(nn.Module):
    """Multi-head self-attention on torch's fused kernel, divided by the root of the head size."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        heads = self.query_key_value(tokens).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each batch, heads, tokens, head size
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
        tokens = tokens + self.attention(tokens)
        return tokens + self.feed_forward(tokens)
