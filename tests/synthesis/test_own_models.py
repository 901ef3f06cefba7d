"""A model class that is defined outside the package: trained, saved, registered, loaded."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from toys import make_rows

from bioaug import GANOversampler, Synthesizer, register_model
from bioaug.exceptions import CheckpointError, DataError
from bioaug.models.base import Batch, GenerativeModel, LossContext, Phase, SignalSpec, Update


def moment_matcher(name: str) -> type[GenerativeModel]:
    """Return a class that no part of bioaug knows."""

    class MomentMatcher(GenerativeModel):
        """Independent normal values, with the mean and the standard deviation of each class."""

        def __init__(self, spec: SignalSpec, *, lr: float = 0.1) -> None:
            super().__init__(spec)
            n_values = spec.n_channels * spec.n_timesteps
            self.means = nn.Embedding(spec.n_classes, n_values)
            self.log_stds = nn.Embedding(spec.n_classes, n_values)
            self.lr = lr

        def phases(self):
            adam = partial(torch.optim.Adam, lr=self.lr)
            return (Phase("likelihood", (Update("fit", self.loss, ("means", "log_stds"), adam),)),)

        def loss(self, batch: Batch, context: LossContext):
            log_std = self.log_stds(batch.labels)
            error = (batch.signals.flatten(1) - self.means(batch.labels)) / log_std.exp()
            return {"likelihood": (error.square() / 2 + log_std).mean()}

        def generate(self, labels):
            mean, std = self.means(labels), self.log_stds(labels).exp()
            rows = (mean + std * torch.randn_like(mean)).clamp(-1, 1)
            return rows.view(-1, self.spec.n_channels, self.spec.n_timesteps)

    MomentMatcher.name = name
    return MomentMatcher


X = np.concatenate([make_rows((60, 20)), 3 + make_rows((30, 20), seed=1)])
Y = np.repeat(["normal", "rare"], [60, 30])


def fitted(model, **given) -> Synthesizer:
    return Synthesizer(model, n_steps=150, random_state=0, **given).fit(X, Y)


def test_a_class_of_ones_own_is_trained_saved_registered_and_loaded(tmp_path):
    own = moment_matcher("own_saved")
    synthesizer = fitted(own, model_params={"lr": 0.2})
    assert clone(synthesizer).model is own
    synthesizer.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"'own_saved', which is not registered.*register"):
        Synthesizer.load(tmp_path)
    register_model(own)
    loaded = Synthesizer.load(tmp_path)
    assert loaded.model == "own_saved"
    np.testing.assert_array_equal(loaded.sample(9)[0], synthesizer.sample(9)[0])
    assert isinstance(loaded.models_[0].model, own)


def test_it_learns_what_its_formula_says():
    rows, labels = fitted(moment_matcher("own_learning")).sample(400, random_state=0)
    for label in ("normal", "rare"):
        difference = rows[labels == label].mean() - X[label == Y].mean()
        assert abs(difference) < 0.5 * X[label == Y].std()


def test_a_sampler_takes_the_class_as_well(tmp_path):
    own = moment_matcher("own_sampler")
    sampler = GANOversampler(
        own, n_steps=150, min_samples={"own": 10}, quality_filter=False, random_state=0
    )
    X_resampled, y_resampled = sampler.fit_resample(X, Y)
    assert (y_resampled == "rare").sum() == 60
    assert set(sampler.synthetic_provenance_["generator"]) <= {
        "own_sampler",
        "own_sampler (shared)",
    }
    sampler.save(tmp_path)
    with pytest.raises(CheckpointError, match="register_model"):
        GANOversampler.load(tmp_path)
    register_model(own)
    again, _ = GANOversampler.load(tmp_path).fit_resample(X, Y)
    np.testing.assert_allclose(again, X_resampled)


def test_parts_of_it_are_checked_as_those_of_other_models():
    with pytest.raises(DataError, match=r"model_params.*lr"):
        fitted(moment_matcher("own_checked"), model_params={"rate": 0.1})


def test_the_name_of_another_model_is_refused():
    with pytest.raises(DataError, match=r"'flow' of .*which is that of bioaug.models.flow.Flow"):
        fitted(moment_matcher("flow"))


def test_a_class_of_another_source_is_trained_anew(tmp_path):
    first, second = moment_matcher("own_cached"), moment_matcher("own_cached")
    memory = {"memory": tmp_path}
    one, other = fitted(first, **memory), fitted(second, **memory)
    assert len(list(tmp_path.rglob("config.json"))) == 1  # of the same source
    np.testing.assert_array_equal(one.sample(3)[0], other.sample(3)[0])

    class Other(second):
        """Of another source."""

    Other.name = "own_cached"
    fitted(Other, **memory)
    assert len(list(tmp_path.rglob("config.json"))) == 2
