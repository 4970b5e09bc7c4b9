"""What comes with the package is whole, and as its sources describe it."""

from importlib import resources

import numpy as np

from gru_tutorial import load_electricity, load_vowels

# Utterances of each speaker in the test, from the data's description.
TESTED = [31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_electricity_is_whole():
    start, demand = load_electricity()
    assert start.shape == demand.shape == (4032,)
    steps = np.diff(start)
    assert (steps == np.timedelta64(30, "m")).all()
    assert str(start[-1]) == "2000-08-27T23:30"
    assert (demand > 1e4).all()
    assert (demand < 1e5).all()


def test_vowels_have_the_described_sizes():
    vowels = load_vowels()
    assert np.bincount(vowels.train_speakers).tolist() == [30] * 9
    assert np.bincount(vowels.test_speakers).tolist() == TESTED
    assert (np.diff(vowels.train_speakers) >= 0).all()
    assert (np.diff(vowels.test_speakers) >= 0).all()
    for utterances, speakers in (vowels[:2], vowels[2:]):
        assert len(utterances) == len(speakers)
        for one in utterances:
            assert 7 <= len(one) <= 29
            assert one.shape[1:] == (12,)
            assert one.dtype == np.float64
            assert np.abs(one).max() < 3
    lengths = [len(one) for one in vowels.train + vowels.test]
    assert (min(lengths), max(lengths)) == (7, 29)


def test_vowels_are_rounded_by_less_than_their_last_digit():
    """The first frame of the source, and its last one."""
    vowels = load_vowels()
    first = [1.860936, -0.207383, 0.261557, -0.214562, -0.171253, -0.118167]
    last = [-0.072393, -0.080955, -0.244424, -0.001849, -0.016634, 0.224688]
    np.testing.assert_allclose(vowels.train[0][0, :6], first, atol=5.1e-5)
    np.testing.assert_allclose(vowels.test[-1][-1, 6:], last, atol=5.1e-5)


def test_utterances_can_be_written_to():
    vowels = load_vowels()
    before = vowels.train[1].copy()
    vowels.train[0][:] = 0.0
    np.testing.assert_array_equal(vowels.train[1], before)
    np.testing.assert_array_equal(load_vowels().train[1], before)


def test_data_are_small_and_have_a_note():
    folder = resources.files("gru_tutorial.datasets")
    note = (folder / "README.md").read_text("utf-8")
    for file in folder.iterdir():
        if file.name.endswith((".csv", ".npz")):
            assert len(file.read_bytes()) < 300_000
            assert f"`{file.name}`" in note
