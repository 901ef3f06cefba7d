"""The EEG code's WaveGAN, rebuilt from its description to be timed beside ours.

Windows of 1,024 samples, batch 32, binary cross-entropy on a sigmoid, one discriminator and one
generator step. The generator is a dense layer without bias, then batch normalisation, leaky
rectifiers and transposed convolutions; the discriminator convolutions, leaky rectifiers and
dropout, then a dense sigmoid. Real and synthetic signals are scored in calls of their own, and the
generator's step runs backward through the discriminator's weights too. The code itself is not
public: the widths, kernels of 25 and strides of 4 are assumed.
"""

import torch
from torch import nn

SHAPE = (1, 1024)
BATCH = 32
N_CLASSES = 1
PARAMS = {  # of ours, beside its `paper_params`: the EEG code's, with kernels of 24
    "latent_dim": 100,
    "label_dim": 1,
    "depth": 2,
    "generator_width": 128,
    "discriminator_width": 64,
    "kernel_size": 24,
    "phase_shuffle": 0,
    "noise": False,
    "objective": "non_saturating",
    "n_critic": 1,
    "batch_norm": True,
    "dropout": 0.3,
    "lr_generator": 1e-4,
    "lr_discriminator": 1e-4,
    "whitening": None,
}
LATENT_DIM, START, WIDTH = 100, 64, 256


class Generator(nn.Module):
    """Noise -> 64 steps of 256 channels -> 256 of 128 -> 1,024 of 1."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(LATENT_DIM, START * WIDTH, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(WIDTH),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(WIDTH, WIDTH // 2, 25, 4, padding=11, output_padding=1),
            nn.BatchNorm1d(WIDTH // 2),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(WIDTH // 2, 1, 25, 4, padding=11, output_padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        """Return signals."""
        return self.layers(self.dense(z).view(-1, WIDTH, START))


def make_discriminator():
    """Return signal -> probability of being real."""
    return nn.Sequential(
        nn.Conv1d(1, 64, 25, 4, padding=11),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Conv1d(64, 128, 25, 4, padding=11),
        nn.BatchNorm1d(128),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * START, 1),
        nn.Sigmoid(),
    )


class Reference:
    """The two networks, their optimisers, and one training iteration."""

    def __init__(self):
        self.generator, self.discriminator = Generator(), make_discriminator()
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=1e-4)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=1e-4)
        self.loss = nn.BCELoss()

    def iteration(self, signals, labels):
        """Run one discriminator and one generator step on `signals` (batch, 1, 1024)."""
        n = len(signals)
        self.optimizer_d.zero_grad()
        fake = self.generator(torch.randn(n, LATENT_DIM)).detach()
        on_real = self.loss(self.discriminator(signals), torch.ones(n, 1))
        on_fake = self.loss(self.discriminator(fake), torch.zeros(n, 1))
        (on_real + on_fake).backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        fake = self.generator(torch.randn(n, LATENT_DIM))
        self.loss(self.discriminator(fake), torch.ones(n, 1)).backward()
        self.optimizer_g.step()

    @torch.no_grad()
    def sample(self, n_samples):
        """Make signals."""
        self.generator.eval()
        signals = self.generator(torch.randn(n_samples, LATENT_DIM)).numpy()
        self.generator.train()
        return signals


def n_parameters(network):
    """Return how many weights a network has."""
    return sum(parameter.numel() for parameter in network.parameters())
