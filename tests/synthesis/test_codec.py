from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from toys import make_rows

from bioaug.synthesis.codec import SignalCodec

LABELS = np.arange(40) % 2


def standardise(X, axes, ddof=0):
    return (X - X.mean(axis=axes, keepdims=True)) / X.std(axis=axes, ddof=ddof, keepdims=True)


def to_range(X, axes):
    X = X - X.min(axis=axes, keepdims=True)
    return X / X.max(axis=axes, keepdims=True)


def decoded(X, n_samples=25):
    """Decode what a model could have made: random tensors in [-1, 1]."""
    codec = SignalCodec.fit(X, LABELS)
    generator = torch.Generator().manual_seed(1)
    shape = (n_samples, codec.n_channels, codec.n_timesteps)
    return codec, codec.decode(2 * torch.rand(shape, generator=generator) - 1)


@pytest.mark.parametrize("shape", [(40, 30), (40, 1, 30), (40, 3, 30)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "uint8", "int32"])
def test_round_trip_keeps_units_dtype_and_dimensions(shape, dtype):
    X = make_rows(shape)
    X = (X - X.min()) / np.ptp(X) * 250
    X = np.rint(X).astype(dtype) if np.dtype(dtype).kind in "iu" else X.astype(dtype)
    codec = SignalCodec.fit(X, LABELS)
    signals, labels = codec.encode(X, LABELS)
    assert signals.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert signals.shape == (40, shape[1] if len(shape) == 3 else 1, 30)
    assert signals.abs().max() == 1
    back = codec.decode(signals)
    assert back.dtype == X.dtype
    assert back.shape == X.shape
    assert codec.shape == X.shape[1:]
    if X.dtype.kind in "iu":
        np.testing.assert_array_equal(back, X)
    else:
        np.testing.assert_allclose(back, X, atol=250 * 1e-6)


def test_every_channel_has_its_own_scale():
    X = make_rows((40, 2, 30)) * np.array([[1.0], [1000.0]])
    signals, _ = SignalCodec.fit(X, LABELS).encode(X, LABELS)
    assert ((signals.amax(dim=(0, 2)) > 0.9) & (signals.amax(dim=(0, 2)) <= 1)).all()
    assert ((signals.amin(dim=(0, 2)) < -0.9) & (signals.amin(dim=(0, 2)) >= -1)).all()


def test_float32_beside_a_large_offset_stays_in_range():
    X = (1e7 + np.arange(40 * 5).reshape(40, 5) % 3).astype(np.float32)
    codec = SignalCodec.fit(X, LABELS)
    signals, _ = codec.encode(X, LABELS)
    assert signals.abs().max() <= 1
    np.testing.assert_array_equal(codec.decode(signals), X)


def test_more_rows_than_one_chunk_are_encoded_alike():
    X = make_rows((5000, 3))
    y = np.arange(5000) % 2
    codec = SignalCodec.fit(X, y)
    whole, _ = codec.encode(X, y)
    parts = torch.cat([codec.encode(part, y[: len(part)])[0] for part in np.split(X, 5)])
    assert torch.equal(whole, parts)


def test_integers_are_rounded_and_clipped():
    X = np.array([[0, 255], [10, 20]] * 20, dtype=np.uint8)
    codec = SignalCodec.fit(X, LABELS)
    values = torch.tensor([[[-1.5, -1.0]], [[0.0, 0.9999]], [[1.0, 1.5]]])
    np.testing.assert_array_equal(codec.decode(values), [[0, 0], [128, 255], [255, 255]])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(
    ("shape", "axes"), [((40, 30), -1), ((40, 2, 30), -1), ((40, 2, 30), (1, 2))]
)
def test_standardised_rows_come_out_standardised(shape, axes, ddof, dtype):
    codec, made = decoded(standardise(make_rows(shape), axes, ddof).astype(dtype))
    assert codec.row_properties[0].kind == "standardised"
    assert codec.row_properties[0].per_channel == (axes == -1)
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    made = made.astype(np.float64)
    np.testing.assert_allclose(made.mean(axis=axes), 0, atol=tolerance)
    np.testing.assert_allclose(made.std(axis=axes, ddof=ddof), 1, rtol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("shape", "axes"), [((40, 30), -1), ((40, 2, 30), -1), ((40, 2, 30), (1, 2))]
)
def test_rows_of_one_range_come_out_with_exactly_that_range(shape, axes, dtype):
    codec, made = decoded(to_range(make_rows(shape), axes).astype(dtype))
    assert codec.row_properties[0].kind == "range"
    assert (made.min(axis=axes) == 0).all()
    assert (made.max(axis=axes) == 1).all()


def test_rows_of_one_mean_come_out_with_it():
    X = make_rows((40, 30))
    codec, made = decoded(X - X.mean(axis=1, keepdims=True) + 7)
    assert codec.row_properties[0].kind == "centred"
    np.testing.assert_allclose(made.mean(axis=1), 7, rtol=1e-12)
    assert np.ptp(made.std(axis=1)) > 0.1


def test_rows_of_one_peak_come_out_with_it():
    X = make_rows((40, 30))
    codec, made = decoded(X / np.abs(X).max(axis=1, keepdims=True))
    assert codec.row_properties[0].kind == "peak"
    assert (np.abs(made).max(axis=1) == 1).all()
    assert np.ptp(made.mean(axis=1)) > 0.1


def test_rows_with_nothing_in_common_are_only_scaled():
    X = make_rows((40, 2, 30))
    codec = SignalCodec.fit(X, LABELS)
    assert codec.row_properties == []
    values = 2 * torch.rand(5, 2, 30) - 1
    low, high = codec.low[:, None], codec.high[:, None]
    expected = values.numpy() * (high - low) / 2 + (high + low) / 2
    np.testing.assert_allclose(codec.decode(values), expected, rtol=1e-12)


def test_one_odd_row_is_no_common_property():
    X = standardise(make_rows((5000, 30)), -1)
    X[4999] = 1.01 * X[4999] + 0.01
    assert SignalCodec.fit(X, np.zeros(5000)).row_properties == []


def test_a_flat_row_gets_the_common_mean_and_stays_finite():
    codec = SignalCodec.fit(standardise(make_rows((40, 30)), -1), LABELS)
    np.testing.assert_allclose(codec.decode(torch.full((2, 1, 30), 0.3)), 0, atol=1e-12)


def test_a_channel_of_one_value_is_encoded_without_dividing_by_zero():
    X = make_rows((40, 2, 30))
    X[:, 1] = 3.5
    codec = SignalCodec.fit(X, LABELS)
    signals, _ = codec.encode(X, LABELS)
    assert torch.isfinite(signals).all()
    np.testing.assert_allclose(codec.decode(signals)[:, 1], 3.5)


@pytest.mark.parametrize(
    "y",
    [
        np.array([7, -3, 7, 0]),
        np.array(["V", "N", "V", "S"]),
        np.array(["V", "N", "V", "longer"], dtype=object),
        np.array([1.0, 2.0, 1.0, 0.0]),
        np.array([True, False, True, True]),
    ],
)
def test_labels_survive_json(y):
    codec = SignalCodec.fit(make_rows((4, 10)), y)
    again = SignalCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.classes.dtype == codec.classes.dtype
    np.testing.assert_array_equal(again.classes[again.encode_labels(y)], y)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
@pytest.mark.parametrize("prepare", [lambda X: X, lambda X: standardise(X, -1)])
def test_json_gives_back_the_same_codec(dtype, prepare):
    X = (prepare(make_rows((40, 2, 30))) * 100).astype(dtype)
    codec, made = decoded(X)
    again = SignalCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.row_properties == codec.row_properties
    signals, _ = codec.encode(X, LABELS)
    assert torch.equal(again.encode(X, LABELS)[0], signals)
    np.testing.assert_array_equal(again.decode(signals), codec.decode(signals))
    assert made.dtype == X.dtype


def test_encoding_leaves_the_input_as_it_is():
    X = make_rows((40, 30))
    X.flags.writeable = False
    before = X.copy()
    codec = SignalCodec.fit(X, LABELS)
    codec.decode(codec.encode(X, LABELS)[0])
    np.testing.assert_array_equal(X, before)


# Offsets and gains are no properties that rows share


def waves(shape, seed=0):
    """Return waves of mean 0 whose size and peaks differ from row to row."""
    rng = np.random.default_rng(seed)
    time = np.arange(shape[-1]) / shape[-1]
    size = rng.lognormal(0, 0.4, (*shape[:-1], 1))
    phase = rng.random((*shape[:-1], 1))
    made = size * np.sin(2 * np.pi * (3 * time + phase))
    return made + 0.1 * rng.normal(size=shape)


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e4, 1e6])
@pytest.mark.parametrize("gain", [1e-6, 1.0, 1e3])
@pytest.mark.parametrize("shape", [(40, 64), (40, 3, 64)])
def test_an_offset_that_all_rows_have_is_no_property_of_theirs(shape, offset, gain):
    assert SignalCodec.fit(gain * (waves(shape) + offset), LABELS).row_properties == []


def test_offsets_of_channels_are_no_property_either():
    offsets = np.array([0.0, 1e4, -1e5])[:, None]
    assert SignalCodec.fit(waves((40, 3, 64)) + offsets, LABELS).row_properties == []
    high_passed = waves((40, 3, 64))
    high_passed -= high_passed.mean(axis=-1, keepdims=True)
    found = SignalCodec.fit(high_passed + offsets, LABELS).row_properties
    assert [(one.kind, one.channel) for one in found] == [("centred", k) for k in range(3)]
    np.testing.assert_allclose([one.offset for one in found], offsets[:, 0], atol=1e-9)


def test_a_large_channel_beside_a_small_one_hides_no_difference_of_rows():
    X = waves((40, 2, 64))
    X[:, 0] = 1e5 * standardise(X[:, 0], -1)
    (found,) = SignalCodec.fit(X, LABELS).row_properties
    assert (found.kind, found.channel) == ("standardised", 0)


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_properties_that_rows_have_are_found_beside_an_offset(offset):
    X = waves((40, 64))
    found = {
        "standardised": standardise(X, -1),
        "range": to_range(X, -1),
        "centred": X - X.mean(axis=1, keepdims=True),
    }
    for kind, rows in found.items():
        (one,) = SignalCodec.fit(rows + offset, LABELS).row_properties
        assert one.kind == kind


@pytest.mark.parametrize("offset", [1e5, -1e5])
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_decoded_rows_keep_their_spread_beside_an_offset(offset, dtype):
    X = 100 * waves((200, 64)) + offset
    codec = SignalCodec.fit(X.astype(dtype), np.zeros(200))
    back = codec.decode(codec.encode(X.astype(dtype), np.zeros(200))[0]).astype(float)
    for statistic in (lambda rows: np.abs(rows).max(axis=1), lambda rows: rows.mean(axis=1)):
        np.testing.assert_allclose(statistic(back).std(), statistic(X).std(), rtol=0.02)


def test_limits_are_those_of_no_row_but_hardly_wider():
    X = make_rows((40, 2, 30)) * np.array([[1.0], [1000.0]])
    codec, low, high = SignalCodec.fit(X, LABELS), X.min(axis=(0, 2)), X.max(axis=(0, 2))
    assert ((codec.low < low) & (codec.high > high)).all()
    assert (codec.high - codec.low < 1.07 * (high - low)).all()
    other = X.copy()  # another largest value, and the same limits
    other[other == high[0]] -= 1e-3
    np.testing.assert_array_equal(SignalCodec.fit(other, LABELS).high, codec.high)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (-1, 1), (0, 4096), (5, 5), (1e100, 2e100), (0, 5e-324), (1e15, 1e15 + 2)],
)
def test_limits_of_round_numbers_and_at_the_ends_of_the_scale_stay(low, high):
    X = np.full((4, 10), float(low))
    X[:, 5:] = high
    codec = SignalCodec.fit(X, np.zeros(4, int))
    assert codec.low[0] == low or codec.low[0] == pytest.approx(low, rel=0.1)
    assert codec.high[0] == high or codec.high[0] == pytest.approx(high, rel=0.1)
    assert codec.low[0] <= low
    assert codec.high[0] >= high
