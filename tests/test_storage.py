"""A file is whole, or it is refused."""

import os

import numpy as np
import pytest
import torch

from gru_tutorial.storage import (
    check_destination,
    read_whole,
    write_bytes,
    write_whole,
)
from tests.test_checkpoint import Child, forks

STATE = {"weights": torch.arange(300.0), "sizes": [1, 2], "none": None}


@pytest.fixture
def path(tmp_path):
    write_whole(tmp_path / "kept.pt", "test 1", STATE)
    return tmp_path / "kept.pt"


def test_what_was_written_is_read(path):
    state = read_whole("path", path, "test 1")
    assert torch.equal(state.pop("weights"), STATE["weights"])
    assert state == {"sizes": [1, 2], "none": None}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_single_flipped_bit_is_noticed(path):
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(8 * len(whole), 1000, replace=False):
        content = bytearray(whole)
        content[place // 8] ^= 1 << (place % 8)
        path.write_bytes(content)
        with pytest.raises(ValueError, match="path: expected"):
            read_whole("path", path, "test 1")


@pytest.mark.parametrize("kept", [0, 5, 20, 40, -1])
def test_a_file_cut_short_is_noticed(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="path: expected"):
        read_whole("path", path, "test 1")


def test_what_is_wrong_is_said(path):
    for name, kind, message in [
        ("kept.pt", "test 2", "of the kind 'test 2', but kept.pt holds 'test"),
        ("none.pt", "test 1", "could not read .*none.pt.*No such file"),
        (".", "test 1", "could not read"),
    ]:
        with pytest.raises(ValueError, match=message):
            read_whole("path", path.parent / name, kind)
    with pytest.raises(ValueError, match="path: expected a file's path"):
        read_whole("path", None, "test 1")
    write_bytes(path, path.read_bytes()[:-5] + b"12345")
    with pytest.raises(ValueError, match="damaged or cut short"):
        read_whole("path", path, "test 1")


def test_what_pytorch_cannot_read_is_not_called_damaged(path):
    write_whole(path, "test 1", {"function": torch.nn.Linear(1, 1)})
    with pytest.raises(ValueError, match="is whole, but this version"):
        read_whole("path", path, "test 1")


def test_the_file_is_on_the_disk_before_it_takes_its_place(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def spy(*arguments, name=name, real=real):
            calls.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, spy)
    write_whole(path, "test 1", STATE)
    assert calls == ["fsync", "replace"]


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "test 1", {})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def write_often(path, tell):
    for k in range(150):
        write_whole(path, "test 1", {"who": os.getpid(), "k": k})
    tell("done")


@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_two_writers_and_a_reader_share_a_path(path):
    writers = [Child(write_often, path) for _ in range(2)]
    read = 0
    while any(writer.process.is_alive() for writer in writers):
        assert read_whole("path", path, "test 1")
        read += 1
    assert [writer.told() for writer in writers] == [["done"]] * 2
    assert read > 10


@pytest.mark.parametrize("bad", [5, None, "", "none/kept.pt", "."])
def test_a_destination_must_be_a_file_in_a_folder(tmp_path, bad):
    target = tmp_path / bad if isinstance(bad, str) and bad else bad
    with pytest.raises(ValueError, match="save: expected a file"):
        check_destination("save", target)


def test_a_folder_that_cannot_be_written_to_is_noticed(tmp_path, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(ValueError, match=r"written to, got .*Permission"):
        check_destination("save", tmp_path / "kept.pt")
