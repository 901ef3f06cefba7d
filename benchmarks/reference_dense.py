"""The EEG code's dense GAN, rebuilt from its description to be timed beside ours.

Chunks of 178 samples, batch 32, binary cross-entropy on a sigmoid, Adam with Keras's values for
both networks, real and synthetic rows joined for the discriminator, synthetic rows made anew for
the generator's step without freezing the discriminator. The code itself is not public: the widths
are assumed, the weights take 0.7 MB.
"""

import torch
from torch import nn

SHAPE = (1, 178)
BATCH = 32
N_CLASSES = 1
LATENT_DIM = 100


def make_generator():
    """Return noise -> signal."""
    return nn.Sequential(
        nn.Linear(LATENT_DIM, 128),
        nn.LeakyReLU(0.2),
        nn.Linear(128, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, SHAPE[1]),
    )


def make_discriminator():
    """Return signal -> probability of being synthetic."""
    return nn.Sequential(
        nn.Linear(SHAPE[1], 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 128),
        nn.LeakyReLU(0.2),
        nn.Linear(128, 1),
        nn.Sigmoid(),
    )


class Reference:
    """The two networks, their optimisers, and one training iteration."""

    def __init__(self):
        self.generator, self.discriminator = make_generator(), make_discriminator()
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=1e-3, eps=1e-7)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=1e-3, eps=1e-7)
        self.loss = nn.BCELoss()

    def iteration(self, signals, labels):
        """Run one discriminator and one generator step on `signals` (batch, 1, 178)."""
        real = signals.flatten(1)
        n = len(real)
        with torch.no_grad():
            fake = self.generator(torch.randn(n, LATENT_DIM))
        is_fake = torch.cat([torch.ones(n, 1), torch.zeros(n, 1)])
        is_fake += 0.05 * torch.rand_like(is_fake)
        self.optimizer_d.zero_grad()
        self.loss(self.discriminator(torch.cat([fake, real])), is_fake.clamp(max=1)).backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        fake = self.generator(torch.randn(n, LATENT_DIM))
        self.loss(self.discriminator(fake), torch.zeros(n, 1)).backward()
        self.optimizer_g.step()

    @torch.no_grad()
    def sample(self, n_samples):
        """Make signals."""
        return self.generator(torch.randn(n_samples, LATENT_DIM)).unflatten(1, SHAPE).numpy()


def n_parameters(network):
    """Return how many weights a network has."""
    return sum(parameter.numel() for parameter in network.parameters())
