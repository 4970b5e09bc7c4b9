"""The series, its windows, the split, the scaling and the loaders."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gru_tutorial import (
    Scaler,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
    split,
)

FINITE = st.floats(-1e6, 1e6, width=32)
SERIES = arrays(np.float64, st.integers(2, 60), elements=FINITE)


@given(SERIES, st.integers(1, 20), st.integers(1, 10))
def test_windows_equal_slices(values, window, horizon):
    n = len(values) - window - horizon + 1
    if n < 1:
        with pytest.raises(ValueError, match="values: expected at least"):
            make_windows(values, window, horizon)
        return
    X, y = make_windows(values, window, horizon)
    assert X.shape == (n, window, 1)
    assert y.shape == (n, horizon)
    for i in range(n):
        end = i + window
        np.testing.assert_array_equal(X[i, :, 0], values[i:end])
        np.testing.assert_array_equal(y[i], values[end : end + horizon])


@given(st.integers(1, 4), st.integers(1, 6), st.data())
def test_windows_of_several_features(features, window, data):
    target = data.draw(st.integers(0, features - 1))
    values = np.arange(12.0 * features).reshape(12, features)
    X, y = make_windows(values, window, horizon=2, target=target)
    assert X.shape == (11 - window, window, features)
    np.testing.assert_array_equal(X[3], values[3 : 3 + window])
    np.testing.assert_array_equal(
        y[3], values[3 + window : 5 + window, target]
    )


def test_windows_are_views():
    values = np.zeros(1_000_000, dtype=np.float32)
    tracemalloc.start()
    X, y = make_windows(values, 50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.shares_memory(X, values)
    assert np.shares_memory(y, values)
    # One byte a value, for the check for NaN; copies would take 200 MB.
    assert peak < 1.1e6


def test_torch_takes_the_windows_without_a_copy_or_a_warning():
    values = np.zeros(100, dtype=np.float32)
    X, _ = make_windows(values, 24)
    tensor = torch.from_numpy(X)  # warns on arrays that cannot be written
    values[30] = 1.0
    assert tensor[30, 0, 0] == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan, 3.0], "got nan at index 1 "),
        ([1.0, np.inf, 3.0], "got inf at index 1 "),
        ([[1.0, 2.0], [np.nan, 3.0]], r"got nan at index \(1, 0\)"),
        (
            ["1", "2", "3"],
            "values: expected numbers, got the text '1' at index 0",
        ),
        ([1.0, "a", 3.0], "values: expected numbers"),
        ([None, 1.0, 2.0], "values: expected numbers, got None at index 0"),
        ([1 + 2j, 1, 2], "values: expected numbers, got complex128"),
        (5.0, r"values: expected a 1-D or 2-D array, got shape \(\)"),
        (np.zeros((3, 3, 3)), "values: expected a 1-D or 2-D array"),
        ([[1.0], [2.0, 3.0]], "values: expected an array of numbers"),
        ([1.0, 2.0], "at least window . horizon = 3 time steps, got 2"),
    ],
)
def test_windows_refuse_bad_values(values, message):
    with pytest.raises(ValueError, match=message):
        make_windows(values, window=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"window": 0},
        {"window": 2.0},
        {"window": True},
        {"window": 3, "horizon": 0},
        {"window": 3, "target": 1},
        {"window": 3, "target": -1},
    ],
)
def test_windows_refuse_bad_sizes(arguments):
    name = list(arguments)[-1]
    with pytest.raises(ValueError, match=f"^{name}: expected a whole number"):
        make_windows(np.arange(10.0), **arguments)


@given(SERIES, st.data())
def test_split_keeps_every_point_in_order(values, data):
    start = data.draw(st.integers(1, len(values) - 1))
    valid = data.draw(st.integers(0, start - 1))
    context = data.draw(st.integers(0, start - valid))
    parts = split(values, start, valid, context)
    used = context if valid else 0
    together = [parts.train, parts.valid[used:], parts.test[context:]]
    np.testing.assert_array_equal(np.concatenate(together), values)
    np.testing.assert_array_equal(parts.test, values[start - context :])
    assert len(parts.valid) == (valid + context if valid else 0)


def test_split_gives_the_first_test_point_a_window():
    values = np.arange(850.0)
    X, y = make_windows(split(values, 720, context=24).test, 24)
    assert len(X) == 130
    assert y[0, 0] == 720


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"forecast_start": 0}, "forecast_start"),
        ({"forecast_start": 10}, "forecast_start"),
        ({"forecast_start": 5, "valid": 5}, "valid"),
        ({"forecast_start": 5, "valid": -1}, "valid"),
        ({"forecast_start": 5, "context": 6}, "context"),
        ({"forecast_start": 5, "valid": 2, "context": 4}, "context"),
    ],
)
def test_split_refuses(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected a whole number"):
        split(np.arange(10.0), **arguments)


def test_no_leak_from_the_test_part():
    values = make_series().values
    changed = values.copy()
    changed[720:] = 1e3
    results = []
    for series in (values, changed):
        train = split(series, 720).train
        scaler = Scaler().fit(train)
        X, y = make_windows(scaler.transform(train), 24)
        results.append((scaler.mean, scaler.std, X, y))
    for before, after in zip(*results, strict=True):
        np.testing.assert_array_equal(before, after)


@given(arrays(np.float64, (9, 2), elements=FINITE))
def test_scaler_standardises_and_comes_back(values):
    if (np.ptp(values, axis=0) < 1e-3).any():
        return
    scaler = Scaler().fit(values)
    scaled = scaler.transform(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-6)
    for k in range(2):
        back = scaler.inverse_transform(scaled[:, k], feature=k)
        np.testing.assert_allclose(back, values[:, k], rtol=1e-12, atol=1e-9)


def test_scaler_inverse_takes_forecasts_of_any_horizon():
    scaler = Scaler().fit([1.0, 3.0])
    np.testing.assert_array_equal(
        scaler.inverse_transform([[0.0, 1.0], [-1.0, 2.0]]), [[2, 3], [1, 4]]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Scaler().fit([]),
            "train: expected at least 1 time steps, got 0",
        ),
        (lambda: Scaler().fit([2, 2, 2]), "constant feature .column 0"),
        (lambda: Scaler().fit([0.1] * 3), "constant feature"),
        (lambda: Scaler().fit([[1, 5], [2, 5]]), "column 1"),
        (lambda: Scaler().transform([1.0]), "call fit.train. first"),
        (lambda: Scaler().inverse_transform([1.0]), "call fit.train. first"),
        (lambda: Scaler().fit([[1, 2], [3, 4]]).transform([1.0]), "2-D"),
        (
            lambda: Scaler().fit([[1, 2], [3, 4]]).transform([[1.0]]),
            "expected 2 features, got 1",
        ),
        (lambda: Scaler().fit([1, 2]).inverse_transform([1.0], 1), "feature"),
        (
            lambda: Scaler().fit([[1, 2], [3, 4]]).inverse_transform([0.0]),
            "feature: expected a number from 0 to 1, .* got None",
        ),
        (lambda: Scaler().fit([1e200, 3e200]), "within float64's range"),
        (lambda: Scaler().fit([1e-200, 3e-200]), "within float64's range"),
        (lambda: Scaler().fit(np.empty((6, 0))), "expected features"),
    ],
)
def test_scaler_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_failed_fit_keeps_the_old_one():
    scaler = Scaler().fit([1.0, 3.0])
    with pytest.raises(ValueError, match="constant"):
        scaler.fit([2.0, 2.0])
    assert scaler.mean == 2.0


@given(st.integers(1, 40), st.integers(1, 50), st.booleans())
def test_loader_yields_each_window_once(n, batch_size, shuffle):
    X = np.arange(n, dtype=np.float32).reshape(n, 1, 1)
    loader = make_loader(X, X[:, :, 0] + 0.5, batch_size, shuffle)
    pairs = list(loader)
    assert [len(X_batch) for X_batch, _ in pairs[:-1]] == (
        [batch_size] * ((n - 1) // batch_size)
    )
    got = torch.cat([X_batch[:, 0, 0] for X_batch, _ in pairs])
    labels = torch.cat([y_batch[:, 0] for _, y_batch in pairs])
    assert sorted(got.tolist()) == list(range(n))
    torch.testing.assert_close(labels, got + 0.5)


def test_loader_shuffles_by_its_seed():
    X = np.arange(50.0).reshape(50, 1, 1)

    def order(seed):
        loader = make_loader(X, X[:, 0], 50, shuffle=True, seed=seed)
        return [next(iter(loader))[0].flatten().tolist() for _ in range(2)]

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0)[0] != order(0)[1]  # another order in each epoch


def test_loader_makes_float32():
    X, y = make_windows(make_series().values, 24)
    X_batch, y_batch = next(iter(make_loader(X, y)))
    assert X_batch.dtype == y_batch.dtype == torch.float32


@pytest.mark.parametrize(
    ("X_shape", "y_shape", "message"),
    [
        ((5, 24), (5, 1), r"X: expected a 3-D array, got shape \(5, 24\)"),
        (
            (5, 24, 1),
            (5,),
            r"y: expected a 2-D or 3-D array, got shape \(5,\)",
        ),
        ((5, 24, 1), (4, 1), "got 5 windows and 4 labels"),
        ((0, 24, 1), (0, 1), "got 0 windows and 0 labels"),
        ((5, 24, 1), (5, 23, 1), "each of the 24 steps of a chunk, got 23"),
    ],
)
def test_loader_refuses(X_shape, y_shape, message):
    with pytest.raises(ValueError, match=message):
        make_loader(np.zeros(X_shape), np.zeros(y_shape))


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6.0)[::-1],
        np.arange(6, dtype=">f8"),
        np.arange(6, dtype=np.longdouble),
        np.arange(6, dtype=np.float16),
        np.arange(6),
        np.broadcast_to(1.5, 6),
        list(range(6)),
        torch.arange(6.0),
    ],
    ids=lambda values: f"{type(values).__name__}",
)
def test_loader_takes_any_numbers(values):
    X, y = make_windows(values, 2)
    (X_batch, y_batch), *_ = make_loader(X, y)
    np.testing.assert_array_equal(X_batch, X.astype(np.float32))
    np.testing.assert_array_equal(y_batch, y.astype(np.float32))


def test_loader_takes_arrays_that_cannot_be_written_and_shares_others():
    values = np.arange(6, dtype=np.float32)
    X, y = make_windows(values, 2)
    assert np.shares_memory(make_loader(X, y).dataset.tensors[0], values)
    values.flags.writeable = False
    make_loader(*make_windows(values, 2))  # a warning would be an error


def test_numbers_beyond_float32_are_refused():
    X = np.full((2, 3, 1), 1e39)
    with pytest.raises(ValueError, match="X: expected numbers within float32"):
        make_loader(X, np.zeros((2, 1)))


def test_masked_values_are_refused():
    masked = np.ma.array([1.0, -9999.0, 3.0], mask=[0, 1, 0])
    with pytest.raises(ValueError, match="expected no missing values, got 1"):
        make_windows(masked, 1)


def test_numpy_integers_count_like_any_other():
    values = np.arange(600.0)
    X, y = make_windows(values, np.uint8(200), np.int64(2))
    assert (X.shape, y.shape) == ((399, 200, 1), (399, 2))
    assert len(split(values, np.uint16(500), np.int8(100)).train) == 400
    assert len(make_loader(X, y, np.int64(100), seed=np.int64(3))) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shuffle": "False"}, "shuffle: expected True or False"),
        ({"seed": None}, "seed: expected a whole number"),
        ({"seed": 2**64}, "seed: expected a whole number"),
        ({"batch_size": 0}, "batch_size: expected a whole number"),
    ],
)
def test_loader_refuses_its_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_loader(np.zeros((2, 3, 1)), np.zeros((2, 1)), **arguments)


@given(
    time=st.integers(2, 30),
    length=st.integers(1, 10),
    horizon=st.integers(1, 5),
    features=st.integers(1, 3),
)
def test_chunks_label_every_step(time, length, horizon, features):
    assume(length + horizon <= time)
    values = np.arange(float(time * features)).reshape(time, features)
    target = features - 1
    X, y = make_chunks(values, length, horizon, target)
    n = time - length - horizon + 1
    assert X.shape == (n, length, features)
    assert y.shape == (n, length, horizon)
    for i in range(n):
        for t in range(length):
            assert np.array_equal(X[i, t], values[i + t])
            start = i + t + 1
            after = values[start : start + horizon, target]
            assert np.array_equal(y[i, t], after)


def test_the_last_step_of_a_chunk_has_the_label_of_a_window():
    values = make_series(length=40).values
    X, y = make_chunks(values, 10, horizon=3)
    X_windows, y_windows = make_windows(values, 10, horizon=3)
    assert np.array_equal(X, X_windows)
    assert np.array_equal(y[:, -1], y_windows)


def test_chunks_are_views():
    values = make_series(length=100_000).values
    X, y = make_chunks(values, 100, horizon=10)
    assert np.shares_memory(X, values)
    assert np.shares_memory(y, values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window: expected a whole number of at least 1"),
        ({"window": 5}, r"values: expected at least window \+ horizon = 6"),
        ({"window": 2, "horizon": 0}, "horizon: expected a whole number"),
        ({"window": 2, "target": 1}, "target: expected a whole number"),
        (
            {"window": 2, "target": (0, 0)},
            "target: expected each feature once",
        ),
        ({"window": 2, "target": ()}, "target: expected a whole number"),
    ],
)
def test_chunks_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_chunks([0, 1, 2, 3, 4], **arguments)


def test_labels_of_several_targets_come_step_by_step():
    values = np.arange(20.0).reshape(10, 2)
    X, y = make_windows(values, 3, horizon=2, target=(1, 0))
    assert X.shape == (6, 3, 2)
    np.testing.assert_array_equal(y[0], [7, 6, 9, 8])
    _, steps = make_chunks(values, 3, horizon=2, target=(1, 0))
    np.testing.assert_array_equal(steps[:, -1], y)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_memory_of_a_loader_follows_the_series(kind):
    """Not its windows, which would take 500 times as much."""
    values = np.zeros(1_000_000, dtype=kind)
    values[::2] = 1
    tracemalloc.start()
    make_loader(*make_windows(values, 500))
    make_loader(*make_chunks(values, 500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * values.nbytes


def test_windows_are_converted_by_way_of_their_series():
    values = make_series(length=60).values
    X, y = make_windows(values, 20)
    for of in (X, X[::3], X[::-1], X.copy()):
        tensors = make_loader(of, y[: len(of)]).dataset.tensors
        np.testing.assert_array_equal(tensors[0], of.astype(np.float32))


@pytest.mark.parametrize("level", [1.7e9, 1e12])
def test_a_spread_that_float32_cannot_hold_is_refused(level):
    X, y = make_windows(level + 3 * np.sin(np.arange(99.0)), 5)
    message = r"X: expected numbers that differ .* scale them first"
    for windows in (X, X.copy()):
        with pytest.raises(ValueError, match=message):
            make_loader(windows, y)
    Scaler().fit(np.full(9, level) + np.arange(9)).transform(X[:, 0, 0])


def test_a_feature_that_is_constant_but_for_rounding_is_refused():
    rows = [[0, 0.1 + 0.2], [1, 0.3], [2, 0.3]]
    with pytest.raises(ValueError, match=r"constant feature \(column 1\)"):
        Scaler().fit(rows)


def test_a_scaler_can_be_made_of_what_is_known():
    fitted = Scaler().fit([[1.0, 2.0], [3.0, 6.0]])
    again = Scaler(fitted.mean, fitted.std)
    values = np.array([[2.0, 5.0]])
    np.testing.assert_array_equal(
        again.transform(values), fitted.transform(values)
    )
    assert Scaler(2, 0.5).inverse_transform([2.0]) == [3.0]
    for bad in [(1, None), (None, 1), (1, 0), (1, -1), ([1, 2], 1), ("a", 1)]:
        with pytest.raises(ValueError, match=r"mean|std"):
            Scaler(*bad)
    for bad in [(np.nan, 1), (1, np.inf)]:
        with pytest.raises(ValueError, match="expected finite numbers"):
            Scaler(*bad)


def test_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [30.0, 40.0]})
    scaler = Scaler().fit(frame)
    np.testing.assert_array_equal(
        scaler.transform(frame), scaler.transform(frame.to_numpy())
    )
    with pytest.raises(ValueError, match=r"columns \['a', 'b'\], got \['b'"):
        scaler.transform(frame[["b", "a"]])


@pytest.mark.parametrize("feature", ["", False, 0.0, "0"])
def test_a_feature_is_a_whole_number(feature):
    scaler = Scaler().fit([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="feature: expected"):
        scaler.inverse_transform([0.0], feature=feature)


def test_results_beyond_float64_are_refused():
    scaler = Scaler(0.0, 1e-300)
    with pytest.raises(ValueError, match="within float64's range"):
        scaler.transform([1e300])
    with pytest.raises(ValueError, match="within float64's range"):
        Scaler(0.0, 1e300).inverse_transform([1e300])
