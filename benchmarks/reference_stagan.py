"""StaGAN's published procedure, rebuilt from its description to be timed beside ours.

One iteration as the reference code runs it: batch 50, 300 samples, a bidirectional LSTM of two
layers and 50 units over every sample, directions summed, three discriminator rounds on the same
real batch with fresh noise, then one generator round. Fakes are made with a graph and then
detached, real and fake are scored and differentiated in calls of their own, minibatch
discrimination holds all pairs of rows at once, and the generator's round also fills the
discriminator's gradients. The parameter counts, 82,051 and 238,331, are the reference's.
"""

import torch
from torch import nn

SHAPE, BATCH, N_CLASSES = (1, 300), 50, 1
ROUNDS, HIDDEN, FILTERS, N_OUT, ROW_SIZE = 3, 50, 10, 10, 16


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.LSTM(1, HIDDEN, 2, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(HIDDEN, 1)

    def forward(self, z):
        both, _ = self.recurrent(z[:, :, None])
        forwards, backwards = both.chunk(2, dim=2)
        return self.dense(forwards + backwards)[:, :, 0]


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage = nn.Sequential(nn.Conv1d(1, FILTERS, 3), nn.ReLU(), nn.MaxPool1d(3, 2))
        n_features = FILTERS * ((SHAPE[1] - 5) // 2 + 1)
        self.tensor = nn.Parameter(torch.randn(n_features, N_OUT * ROW_SIZE))
        self.head = nn.Sequential(nn.Linear(n_features + N_OUT, 1), nn.Dropout(0.2), nn.Sigmoid())

    def forward(self, signals):
        features = self.stage(signals[:, None]).flatten(1)
        rows = (features @ self.tensor).unflatten(1, (N_OUT, ROW_SIZE))
        distances = (rows[None] - rows[:, None]).abs().sum(dim=3)
        closeness = torch.exp(-distances).sum(dim=0) - 1
        return self.head(torch.cat([features, closeness], dim=1))[:, 0]


class Reference:
    """The two networks, their optimisers, and one training iteration."""

    def __init__(self):
        self.generator, self.discriminator = Generator(), Discriminator()
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=2e-4)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4)
        self.loss = nn.BCELoss()

    def iteration(self, signals, labels):
        """Run three discriminator rounds and one generator round on `signals` (batch, 1, 300)."""
        real, n = signals[:, 0], len(signals)
        for _ in range(ROUNDS):
            self.discriminator.zero_grad()
            fake = self.generator(torch.randn(n, SHAPE[1])).detach()
            self.loss(self.discriminator(fake), torch.zeros(n)).backward()
            self.loss(self.discriminator(real), torch.ones(n)).backward()
            self.optimizer_d.step()
        self.generator.zero_grad()
        fake = self.generator(torch.randn(n, SHAPE[1]))
        self.loss(self.discriminator(fake), torch.ones(n)).backward()
        self.optimizer_g.step()

    @torch.no_grad()
    def sample(self, n_samples):
        """Make signals in batches of 50, the only size that the reference's networks take."""
        n_batches = -(-n_samples // BATCH)
        made = [self.generator(torch.randn(BATCH, SHAPE[1])) for _ in range(n_batches)]
        return torch.cat(made)[:n_samples, None].numpy()
