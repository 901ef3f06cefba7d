"""The published WGAN-GP training of an ECG TransGAN, rebuilt from its description to be timed.

The networks are not published. Rebuilt are a one-dimensional TransGAN of the stated sizes (noise
256, embedding 1024, 16,897,153 parameters at one block per stage) and a critic of six convolutions
of stride 2 (1,748,065 parameters). One iteration is five critic steps and a generator step at
batch 64: real and fake scored in calls of their own, fakes not detached in the critic's step, a
gradient penalty each time, the generator's step through a critic that is not frozen.
"""

from itertools import pairwise

import torch
from torch import nn

SHAPE, BATCH, N_CLASSES = (1, 200), 64, 1
PARAMS = {"depth": (1, 1, 1)}  # of ours, beside its `paper_params`
LATENT_DIM, N_CRITIC, LENGTHS, WIDTHS = 256, 5, (13, 52, 208), (1024, 256, 64)


class Attention(nn.Module):
    def __init__(self, dim, n_heads=4):
        super().__init__()
        self.n_heads, self.scale = n_heads, (dim // n_heads) ** -0.5
        self.mixed, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, length, dim = x.shape
        heads = self.mixed(x).reshape(n, length, 3, self.n_heads, dim // self.n_heads)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)
        weights = ((queries @ keys.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.out((weights @ values).transpose(1, 2).reshape(n, length, dim))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.first, self.second = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim)
        self.wide = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.wide(self.second(x))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Linear(LATENT_DIM, LENGTHS[0] * WIDTHS[0])
        self.positions = nn.ParameterList(
            torch.zeros(1, length, dim) for length, dim in zip(LENGTHS, WIDTHS, strict=True)
        )
        self.blocks = nn.ModuleList(Block(dim) for dim in WIDTHS)
        self.shuffle = nn.PixelShuffle(2)  # of a height of 1, laid out as four columns
        self.out = nn.Conv1d(WIDTHS[-1], SHAPE[0], 1)

    def forward(self, z):
        x = self.start(z).view(len(z), LENGTHS[0], WIDTHS[0])
        for stage, (position, block) in enumerate(zip(self.positions, self.blocks, strict=True)):
            if stage:
                x = self.grow(x)
            x = block(x + position)
        return self.out(x.transpose(1, 2))[..., : SHAPE[1]]

    def grow(self, x):
        """Shuffle (batch, time, channels) to four times the length and a quarter of the width."""
        n, length, dim = x.shape
        square = self.shuffle(x.transpose(1, 2).unsqueeze(2))
        return square.permute(0, 3, 2, 1).reshape(n, 4 * length, dim // 4)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (SHAPE[0], 32, 64, 128, 256, 512, 512)
        layers = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Conv1d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.out = nn.LazyLinear(1)

    def forward(self, signals):
        return self.out(self.layers(signals).flatten(1))


class Reference:
    """The two networks, their optimisers, and one training iteration."""

    def __init__(self):
        self.generator, self.discriminator = Generator(), Critic()
        self.discriminator(torch.zeros(1, *SHAPE))
        betas = (0.0, 0.9)
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=1e-5, betas=betas)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=1e-5, betas=betas)

    def iteration(self, signals, labels=None):
        """Run five critic steps and one generator step on `signals` (batch, 1, 200)."""
        for _ in range(N_CRITIC):
            self.optimizer_d.zero_grad()
            fake = self.generator(torch.randn(len(signals), LATENT_DIM))
            difference = self.discriminator(fake).mean() - self.discriminator(signals).mean()
            (difference + 10 * self._penalty(signals, fake)).backward()
            self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        fake = self.generator(torch.randn(len(signals), LATENT_DIM))
        (-self.discriminator(fake).mean()).backward()
        self.optimizer_g.step()

    def _penalty(self, real, fake):
        alpha = torch.rand(len(real), 1, 1)
        between = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_()
        score = self.discriminator(between)
        (gradient,) = torch.autograd.grad(
            score, between, torch.ones_like(score), create_graph=True, retain_graph=True
        )
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    @torch.no_grad()
    def sample(self, n_samples):
        """Make `n_samples` signals at once."""
        return self.generator(torch.randn(n_samples, LATENT_DIM)).numpy()
