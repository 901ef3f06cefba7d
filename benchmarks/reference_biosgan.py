"""BioSGAN's published procedure, rebuilt from its description to be timed beside ours.

One iteration as the reference code runs it: batch 16, 187 samples, patch size 1, written-out
attention divided by the root of the embedding size, dropout 0.5 in both networks, real and fake
scored in calls of their own, fakes not detached in the discriminator's step, a gradient penalty
each time. The parameter counts, 211,621 and 102,006, are the reference's.
"""

import torch
from torch import nn

SHAPE, BATCH, N_CLASSES = (1, 187), 16, 5
N_TIMESTEPS, LATENT_DIM, LABEL_DIM = SHAPE[1], 100, 10


class Attention(nn.Module):
    def __init__(self, dim, n_heads=5, dropout=0.5):
        super().__init__()
        self.n_heads, self.scale = n_heads, dim**-0.5
        self.queries, self.keys, self.values, self.out = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        heads = [
            layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for layer in (self.queries, self.keys, self.values)
        ]
        energy = torch.einsum("bhqd,bhkd->bhqk", heads[0], heads[1])
        attention = self.dropout(torch.softmax(energy * self.scale, dim=-1))
        mixed = torch.einsum("bhal,bhlv->bhav", attention, heads[2])
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, dropout=0.5):
        super().__init__()
        self.first = nn.Sequential(nn.LayerNorm(dim), Attention(dim), nn.Dropout(dropout))
        self.second = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * dim, dim),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        x = x + self.first(x)
        return x + self.second(x)


class Generator(nn.Module):
    def __init__(self, dim=10):
        super().__init__()
        self.dim = dim
        self.embedding = nn.Embedding(N_CLASSES, LABEL_DIM)
        self.dense = nn.Linear(LATENT_DIM + LABEL_DIM, N_TIMESTEPS * dim)
        self.blocks = nn.Sequential(*(Block(dim) for _ in range(3)))
        self.out = nn.Conv2d(dim, 1, 1)

    def forward(self, z, labels):
        tokens = self.dense(torch.cat([self.embedding(labels), z], dim=1))
        tokens = self.blocks(tokens.view(-1, N_TIMESTEPS, self.dim))
        return self.out(tokens.transpose(1, 2).unsqueeze(2))


class Discriminator(nn.Module):
    def __init__(self, dim=50):
        super().__init__()
        self.patches = nn.Linear(1, dim)
        self.class_token = nn.Parameter(torch.randn(1, 1, dim))
        self.positions = nn.Parameter(torch.randn(N_TIMESTEPS + 1, dim))
        self.blocks = nn.Sequential(*(Block(dim) for _ in range(3)))
        self.score = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 1))
        self.label = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, N_CLASSES))

    def forward(self, signals):
        tokens = self.patches(signals.squeeze(2).transpose(1, 2))
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        pooled = self.blocks(tokens + self.positions).mean(dim=1)
        return self.score(pooled), self.label(pooled)


class Reference:
    """The two networks, their optimisers, and one training iteration."""

    def __init__(self):
        self.generator, self.discriminator = Generator(), Discriminator()
        betas = (0.9, 0.999)
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=betas)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=3e-4, betas=betas)

    def iteration(self, real, labels):
        """Run one discriminator and one generator step on `real` (batch, 1, 187)."""
        real = real.unsqueeze(2)
        z = torch.randn(len(real), LATENT_DIM)
        fake_labels = torch.randint(0, N_CLASSES, (len(real),))
        self.optimizer_d.zero_grad()
        real_score, real_logits = self.discriminator(real)
        fake = self.generator(z, fake_labels)
        fake_score, _ = self.discriminator(fake)
        loss = fake_score.mean() - real_score.mean() + 10 * self._penalty(real, fake)
        (loss + nn.functional.cross_entropy(real_logits, labels)).backward()
        nn.utils.clip_grad_norm_(self.discriminator.parameters(), 5.0)
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        score, logits = self.discriminator(self.generator(z, fake_labels))
        (nn.functional.cross_entropy(logits, fake_labels) - score.mean()).backward()
        nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
        self.optimizer_g.step()

    def _penalty(self, real, fake):
        alpha = torch.rand(len(real), 1, 1, 1)
        between = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_()
        score, _ = self.discriminator(between)
        (gradient,) = torch.autograd.grad(score.sum(), between, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    @torch.no_grad()
    def sample(self, n_samples):
        """Make signals as the reference does, dropout and all."""
        labels = torch.randint(0, N_CLASSES, (n_samples,))
        return self.generator(torch.randn(n_samples, LATENT_DIM), labels)


def n_parameters(network):
    """Return how many weights a network has."""
    return sum(parameter.numel() for parameter in network.parameters())
