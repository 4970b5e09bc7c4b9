"""What is known of a series sets the state from which a GRU starts."""

import numpy as np
import pytest
import torch

from gru_tutorial import GRUModel, fit, make_loader
from gru_tutorial.family import make_family
from gru_tutorial.static import StaticStart


def with_static(count=6, time=9, seed=0):
    """Return sequences of one column, and of two that do not change."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, time, 1))
    static = rng.standard_normal((count, 1, 2)).repeat(time, axis=1)
    return torch.from_numpy(np.concatenate([x, static], 2)).float()


@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}],
)
def test_a_start_is_what_the_static_columns_say(options):
    torch.manual_seed(0)
    model, x = GRUModel(hidden_size=4, **options), with_static()
    started = StaticStart(model, 2)
    rows = model.initial_state(x[..., :1]).shape[0]
    weight = started.start.weight.reshape(rows, 4, 2)
    h0 = torch.einsum("rhs,bs->rbh", weight, x[:, 0, 1:]).tanh()
    torch.testing.assert_close(started.initial_state(x), h0)
    torch.testing.assert_close(started(x), model(x[..., :1], h0))


def test_a_stretch_goes_on_from_the_one_before():
    torch.manual_seed(0)
    model, x = StaticStart(GRUModel(hidden_size=4), 2), with_static()
    whole, end = model.run(x)
    first, state = model.run(x[:, :5])
    second, last = model.run(x[:, 5:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(last, end)
    torch.testing.assert_close(model(x), whole[:, -1])


def test_it_learns_what_only_the_static_columns_say():
    """The column that changes is noise; the label is a static one."""
    x = with_static(256)
    loader = make_loader(x.numpy(), x[:, 0, 1:2].numpy(), shuffle=True)
    torch.manual_seed(0)
    model = StaticStart(GRUModel(hidden_size=8), 2)
    blind = GRUModel(hidden_size=8)
    told = fit(model, loader, num_epochs=15).train_loss[-1]
    alone = [(X[..., :1], y) for X, y in loader]
    untold = fit(blind, alone, num_epochs=15).train_loss[-1]
    assert told < 0.15 < 0.6 < untold


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: StaticStart(torch.nn.GRU(1, 4), 2), "model: expected a GRU"),
        (lambda: StaticStart(GRUModel(), 0), "static_size: expected a whole"),
        (
            lambda: StaticStart(GRUModel(), 3)(with_static()),
            r"x: expected shape \(batch, time, 4\), got \(6, 9, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The family of series that it is for


def test_a_family_is_as_it_says():
    family = make_family(800, 240, groups=4, seed=1)
    assert family.values.shape == family.clean.shape == (800, 240)
    assert family.group.tolist() == 200 * [0, 1, 2, 3]
    errors = (family.values - family.clean) / family.noise[:, None]
    assert abs(errors.mean()) < 0.01
    assert errors.std() == pytest.approx(1, rel=0.01)
    assert np.all(family.noise > 0)
    sizes = family.clean.std(axis=1)  # a whole number of cycles, or nearly
    assert np.median(family.noise / sizes) == pytest.approx(0.4, rel=0.05)


def test_a_group_is_the_same_in_all_families_of_a_seed():
    """And its series are others."""
    levels = [
        [family.values[family.group == k].mean() for k in range(4)]
        for family in (make_family(n, 60, 4, seed=1) for n in (800, 1200))
    ]
    np.testing.assert_allclose(*levels, atol=0.4)
    assert np.ptp(levels[0]) > 2
    other = make_family(800, 60, 4, seed=2)
    again = make_family(800, 60, 4, seed=2)
    np.testing.assert_array_equal(other.values, again.values)
    assert not np.allclose(other.values[0], make_family(400, 60, 4).values[0])


def test_a_cycle_is_that_of_its_group_but_for_a_tenth():
    family = make_family(40, 4000, groups=1, noise=0.0, seed=3)
    np.testing.assert_array_equal(family.values, family.clean)
    power = np.abs(np.fft.rfft(family.clean - family.clean.mean(1)[:, None]))
    peaks = 4000 / power.argmax(axis=1)  # the same harmonic in all of them
    assert peaks.max() / peaks.min() < 1.1 / 0.9 + 0.02


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"count": 0}, "count"),
        ({"length": 0}, "length"),
        ({"groups": 0}, "groups"),
        ({"noise": -1.0}, "noise"),
        ({"count": 10**6, "length": 10**4}, "count, length"),
    ],
)
def test_what_no_family_can_be_is_refused(asked, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        make_family(**({"count": 2, "length": 3} | asked))
