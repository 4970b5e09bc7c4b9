"""A stream's memory, its file, and the band that watches it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gru_tutorial import (
    AdaptiveBand,
    Direct,
    Fallback,
    Forecaster,
    GRUModel,
    Scaler,
    Seq2Seq,
    adaptive_conformal,
)
from gru_tutorial.stream import Stream
from tests.odd import Streaming

VALUES = 2 + 1.2 * np.sin(np.arange(200.0))


def forecaster(window=None, head=None, seed=0, scaler=(2.0, 1.2), **settings):
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=8, head=head or Direct(4), **settings)
    return Forecaster(model, Scaler(*scaler), window)


# Memory


def resident():
    """Return the kilobytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stream_needs_constant_memory():
    values = np.random.default_rng(0).standard_normal(22_000)
    stream = forecaster().stream(VALUES)
    for value in values[:2000]:  # buffers that are made once
        stream.update(value)
    before = resident()
    for value in values[2000:]:
        stream.update(value)
    assert resident() - before < 2000  # a tensor kept a step: 10,000 and more


# Its file

GO_ON = """
import sys
from gru_tutorial import Forecaster
from gru_tutorial.stream import Stream
forecaster = Forecaster.load(sys.argv[1])
stream = Stream.load(sys.argv[2], forecaster)
for value in sys.argv[3:]:
    print(*(number.hex() for number in stream.update(float(value)).tolist()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("window", "head"), [(12, Direct(4)), (None, Seq2Seq(4))]
)
def test_another_process_goes_on_to_the_bit(window, head, tmp_path):
    owner = forecaster(window, head)
    stream = owner.stream(VALUES[:100], horizon=4)
    stream.update(VALUES[100])
    owner.save(tmp_path / "gru.pt")
    stream.save(tmp_path / "stream.pt")
    given = [str(tmp_path / name) for name in ("gru.pt", "stream.pt")]
    given += map(repr, VALUES[101:110].tolist())
    answer = subprocess.run(
        [sys.executable, "-c", GO_ON, *given],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    expected = [stream.update(v).tolist() for v in VALUES[101:110]]
    found = [
        [float.fromhex(number) for number in line.split()]
        for line in answer.stdout.splitlines()
    ]
    assert found == expected


@pytest.mark.parametrize("layers", [1, 2])
def test_a_stream_that_saw_nothing_is_kept(layers, tmp_path):
    owner = forecaster(num_layers=layers)
    stream = owner.stream()
    stream.save(tmp_path / "stream.pt")
    again = Stream.load(tmp_path / "stream.pt", owner)
    for value in VALUES[:5]:
        np.testing.assert_array_equal(
            again.update(value), stream.update(value)
        )


OTHERS = {
    "weights": lambda: forecaster(seed=1),
    "one weight": lambda: changed_in_one_bit(forecaster()),
    "scale": lambda: forecaster(scaler=(2.0, 1.25)),
    "window": lambda: forecaster(window=12),
    "head": lambda: forecaster(head=Seq2Seq(4)),
    "layers": lambda: forecaster(num_layers=2),
}


def changed_in_one_bit(owner):
    with torch.no_grad():
        weight = next(owner.model.parameters()).view(-1)[:1]
        weight.copy_(torch.nextafter(weight, weight + 1))
    return owner


@pytest.mark.parametrize("other", OTHERS)
def test_a_state_of_another_forecaster_is_refused(other, tmp_path):
    forecaster().stream(VALUES).save(tmp_path / "stream.pt")
    Stream.load(tmp_path / "stream.pt", forecaster())
    with pytest.raises(ValueError, match="forecaster: expected the one that"):
        Stream.load(tmp_path / "stream.pt", OTHERS[other]())


def test_what_training_left_behind_tells_no_forecasters_apart(tmp_path):
    owner, twin = forecaster(), forecaster()
    twin.losses, twin.recipe = object(), None
    owner.stream(VALUES).save(tmp_path / "stream.pt")
    twin.losses = None
    assert Stream.load(tmp_path / "stream.pt", twin).state is not None


def test_a_damaged_file_is_refused(tmp_path):
    path, owner = tmp_path / "stream.pt", forecaster()
    owner.stream(VALUES).save(path)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"path: .* damaged"):
        Stream.load(path, owner)
    owner.save(path)
    with pytest.raises(ValueError, match="path: expected a file of the kind"):
        Stream.load(path, owner)
    with pytest.raises(ValueError, match="path: could not read"):
        Stream.load(tmp_path / "none.pt", owner)


def test_a_state_that_no_file_can_hold_is_refused(tmp_path):
    answer = torch.zeros(1, 1, 1), ["a list"]
    stream = Forecaster(Streaming(answer)).stream(VALUES)
    with pytest.raises(ValueError, match=r"model.run's state: expected"):
        stream.save(tmp_path / "stream.pt")
    assert not list(tmp_path.iterdir())


# The band


def shifting(n, seed):
    """Return a series whose noise triples, and forecasts of it."""
    rng = np.random.default_rng(seed)
    y_hat = rng.standard_normal(n)
    spread = np.repeat([1.0, 3.0, 0.0, 1.0], n // 4)
    return y_hat + spread * rng.standard_normal(n), y_hat


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("m", [9, 60])
def test_a_band_is_what_adaptive_conformal_computes(horizon, rate, m):
    y, y_hat = shifting(400, seed=m)
    residuals = np.random.default_rng(m).standard_normal(m)
    whole = adaptive_conformal(y, y_hat, residuals, 0.9, rate, horizon)
    band = AdaptiveBand(residuals, 0.9, rate, horizon)
    for t in range(len(y)):
        if t % 100 == 50:  # as a process that stopped would
            band = AdaptiveBand.of(band.state())
        assert band.around(y_hat[t]) == (whole.lower[t], whole.upper[t])
        k = t + 1 - horizon
        if k >= 0:
            missed = band.update(y[k], y_hat[k])
            inside = whole.lower[k] <= y[k] <= whole.upper[k]
            assert missed == (not inside)
    if rate == 0.3:
        assert np.isinf(whole.width).any()
        assert (whole.width == 0).any()


def test_a_band_stays_as_it_was_after_a_bad_value():
    band = AdaptiveBand(np.arange(1.0, 20.0))
    before = band.state()
    for y, y_hat in ((np.nan, 0.0), (0.0, "x"), (1e308, -1e308), ([1.0], 0)):
        with pytest.raises(ValueError, match="y"):
            band.update(y, y_hat)
    assert band.state() == before


def test_a_band_does_not_grow():
    band = AdaptiveBand(np.arange(1.0, 20.0), horizon=3)
    for value in np.random.default_rng(0).standard_normal(2000):
        band.update(value, 0.0)
    assert [len(band.state()[k]) for k in ("errors", "radii")] == [19, 3]
    assert len(band._sorted) == 19


@pytest.mark.parametrize(
    "change",
    [
        {"known": -1},
        {"misses": 1},
        {"radii": []},
        {"radii": [-1.0]},
        {"errors": [1.0]},
        {"level": 1.0},
        {"more": 1},
    ],
)
def test_a_bands_state_is_checked(change):
    state = AdaptiveBand(np.arange(1.0, 20.0)).state()
    with pytest.raises(ValueError, match="state: expected"):
        AdaptiveBand.of(state | change)


# When to go back to the baseline


def test_a_baseline_takes_over_and_gives_back():
    fallback, told = Fallback(origins=5), []
    for t in range(40):
        error = 3.0 if 10 <= t < 20 else 0.5
        told.append(fallback.update([0.0] * 4, [error] * 4, [1.0] * 4))
    # one error of 3 in five is enough, and is forgotten after five
    assert told == [10 <= t < 24 for t in range(40)]
    assert fallback.skill == 0.75


def test_two_bounds_keep_it_from_changing_at_each_origin():
    errors = np.where(np.arange(40) % 2, 1.1, 0.9)
    changes = []
    for bounds in ((0.0, 0.0), (-0.3, 0.3)):
        fallback = Fallback(1, *bounds)
        told = [fallback.update(0.0, error, 1.0) for error in errors]
        changes.append(np.count_nonzero(np.diff(told)))
    assert changes == [39, 0]


def test_no_rule_before_there_are_enough_origins():
    fallback = Fallback(origins=3)
    assert not fallback.update(0.0, 9.0, 1.0)
    assert not fallback.update(0.0, 9.0, 1.0)
    assert fallback.skill is None
    assert fallback.update(0.0, 9.0, 1.0)
    perfect = Fallback(origins=1)
    assert perfect.update(0.0, 1.0, 0.0)
    assert not perfect.update(0.0, 0.0, 0.0)
    assert perfect.skill is None


def test_shapes_and_numbers_are_checked():
    fallback = Fallback(origins=1)
    for bad in ([1.0], [1.0, np.nan], "x", [1e200, 0.0]):
        with pytest.raises(ValueError, match="y_hat"):
            fallback.update([0.0, 0.0], bad, [1.0, 1.0])
    assert fallback.skill is None
    with pytest.raises(ValueError, match="lower <= upper"):
        Fallback(3, 0.5, 0.2)
