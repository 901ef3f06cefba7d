"""TimeGAN's published procedure, rebuilt from its description to be timed beside ours.

One iteration is one of the joint phase, batch 128, 163 samples, hidden size 24, three GRU layers:
twice generator and supervisor, then embedder and recovery, then the discriminator. Its habits are
kept: rows permuted for every batch and uniform noise drawn row by row with numpy,
every input of the discriminator scored in a call of its own, nothing frozen or detached, and the
discriminator's loss found once to decide and once more to train.
"""

import numpy as np
import torch
from torch import nn

SHAPE, BATCH, N_CLASSES = (1, 163), 128, 1
HIDDEN, GAMMA = 24, 1.0
cross_entropy = nn.functional.binary_cross_entropy_with_logits


class Network(nn.Module):
    def __init__(self, n_inputs, n_outputs, n_layers=3, *, bounded=True):
        super().__init__()
        self.cells = nn.GRU(n_inputs, HIDDEN, n_layers, batch_first=True)
        self.dense = nn.Linear(HIDDEN, n_outputs)
        self.bounded = bounded

    def forward(self, x):
        out = self.dense(self.cells(x)[0])
        return torch.sigmoid(out) if self.bounded else out


class Reference:
    """The five networks, their optimisers, and one joint iteration."""

    def __init__(self):
        width = SHAPE[0]
        self.rng = np.random.default_rng(0)
        self.embedder, self.recovery = Network(width, HIDDEN), Network(HIDDEN, width)
        self.generator, self.supervisor = Network(width, HIDDEN), Network(HIDDEN, HIDDEN, 2)
        self.discriminator = Network(HIDDEN, 1, bounded=False)
        self.optimizer_g = self._adam(self.generator, self.supervisor)
        self.optimizer_e = self._adam(self.embedder, self.recovery)
        self.optimizer_d = self._adam(self.discriminator)

    def _adam(self, *networks):
        return torch.optim.Adam([p for n in networks for p in n.parameters()], lr=1e-3)

    def _noise(self, n):
        rows = [self.rng.uniform(0.0, 1.0, (SHAPE[1], SHAPE[0])) for _ in range(n)]
        return torch.tensor(np.array(rows), dtype=torch.float32)

    def iteration(self, signals, labels=None):
        """Run two generator and embedder steps and at most one discriminator step."""
        real = signals[self.rng.permutation(len(signals))].transpose(1, 2)
        for _ in range(2):
            self._step(self.optimizer_g, self._generator_loss(real, self._noise(len(real))))
            self._step(self.optimizer_e, self._embedder_loss(real))
        noise = self._noise(len(real))
        if self._discriminator_loss(real, noise).item() > 0.15:
            self._step(self.optimizer_d, self._discriminator_loss(real, noise))

    def _step(self, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _generator_loss(self, real, noise):
        latents, raw = self.embedder(real), self.generator(noise)
        fake, foreseen = self.supervisor(raw), self.supervisor(latents)
        made = self.recovery(fake)
        score, raw_score = self.discriminator(fake), self.discriminator(raw)
        supervised = (foreseen[:, :-1] - latents[:, 1:]).square().mean()
        deviations = [(x.var(dim=0, unbiased=False) + 1e-6).sqrt() for x in (made, real)]
        moments = (deviations[0] - deviations[1]).abs().mean()
        moments = moments + (made.mean(dim=0) - real.mean(dim=0)).abs().mean()
        adversarial = cross_entropy(score, torch.ones_like(score))
        adversarial = adversarial + GAMMA * cross_entropy(raw_score, torch.ones_like(raw_score))
        return adversarial + 100 * supervised.sqrt() + 100 * moments

    def _embedder_loss(self, real):
        latents = self.embedder(real)
        supervised = (self.supervisor(latents)[:, :-1] - latents[:, 1:]).square().mean()
        return 10 * (self.recovery(latents) - real).square().mean().sqrt() + 0.1 * supervised

    def _discriminator_loss(self, real, noise):
        raw = self.generator(noise)
        on_real = self.discriminator(self.embedder(real))
        on_fake, on_raw = self.discriminator(self.supervisor(raw)), self.discriminator(raw)
        loss = cross_entropy(on_real, torch.ones_like(on_real))
        loss = loss + cross_entropy(on_fake, torch.zeros_like(on_fake))
        return loss + GAMMA * cross_entropy(on_raw, torch.zeros_like(on_raw))

    @torch.no_grad()
    def sample(self, n_samples):
        """Return `n_samples` signals as a numpy array."""
        made = self.recovery(self.supervisor(self.generator(self._noise(n_samples))))
        return made.transpose(1, 2).numpy()
