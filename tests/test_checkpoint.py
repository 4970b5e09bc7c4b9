"""A run that is interrupted ends as if nothing had happened."""

import functools
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from torch import nn

from gru_tutorial import (
    Gaussian,
    GRUModel,
    fit,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
)
from gru_tutorial import checkpoint as checkpoint_module
from gru_tutorial.storage import read_whole

forks = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs fork and SIGKILL"
)


def whole_run(folder, name, told=lambda epochs: None):
    """Use all that draws or remembers: dropout, shuffling, noise, Adam, ..."""
    torch.set_num_threads(1)
    values = make_series(length=130, seed=1).values - 2
    torch.manual_seed(0)
    model = GRUModel(hidden_size=6, num_layers=2, dropout=0.2)
    chunks = make_chunks(values[:100], 30)
    windows = make_windows(values[80:], 20)
    history = fit(
        model,
        make_loader(*chunks, 8, shuffle=True, seed=3),
        make_loader(*windows, 8, shuffle=True, seed=4),
        num_epochs=12,
        one_cycle=True,
        clip=1.0,
        input_noise=0.2,
        burn_in=5,
        patience=12,
        checkpoint=folder / f"{name}.pt",
        callbacks=[lambda run: told(run.done)],
    )
    end = [model.state_dict(), history.train_loss, history.valid_loss]
    torch.save(end, folder / f"{name}.end")


class Child:
    """A function in a process of its own, which tells what it sends."""

    def __init__(self, function, *arguments):
        context = multiprocessing.get_context("fork")
        self.ours, theirs = context.Pipe(duplex=False)
        arguments = (*arguments, theirs.send)
        self.process = context.Process(target=function, args=arguments)
        self.process.start()
        theirs.close()

    def told(self):
        """Return all that it tells until it ends."""
        found = []
        try:
            while True:
                found.append(self.ours.recv())
        except EOFError:
            self.process.join()
            return found

    def kill(self):
        self.process.kill()
        return self.told()


@forks
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_killed_run_ends_bit_identical(tmp_path):
    whole = Child(whole_run, tmp_path, "whole")
    assert whole.told() == list(range(1, 13))
    rng = np.random.default_rng(0)
    seen = []
    for epochs in (1, 2, 1):  # killed three times, within an epoch
        child = Child(whole_run, tmp_path, "killed")
        seen += [child.ours.recv() for _ in range(epochs)]
        time.sleep(rng.uniform(0, 0.05))
        seen += child.kill()
    seen += Child(whole_run, tmp_path, "killed").told()
    assert seen[-1] == 12
    assert seen == sorted(seen)  # it never started anew

    ends = [torch.load(tmp_path / f"{n}.end") for n in ("whole", "killed")]
    assert ends[0][1:] == ends[1][1:]
    for name, value in ends[0][0].items():
        assert torch.equal(value, ends[1][0][name])


def dying_run(folder, name, tell):
    """Die just before the third new file takes the old one's place."""
    written, real = [], os.replace

    def replace(new, old):
        written.append(new)
        if len(written) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        real(new, old)

    os.replace = replace
    whole_run(folder, name, tell)


@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_run_killed_while_it_writes_leaves_a_whole_file(tmp_path):
    child = Child(dying_run, tmp_path, "run")
    child.told()
    assert child.process.exitcode == -signal.SIGKILL
    stored = read_whole("path", tmp_path / "run.pt", checkpoint_module.KIND)
    assert len(stored["history"]["train_loss"]) == 2


def small(path, start=0, train=None, valid=None, model=None, **arguments):
    torch.manual_seed(start)
    model = GRUModel(hidden_size=4) if model is None else model
    chunks = make_chunks(make_series(length=40).values, 20)
    if train is None:
        train = make_loader(*chunks, batch_size=8, shuffle=True)
    settings = {"num_epochs": 2, "checkpoint": path, **arguments}
    return model, fit(model, train, valid, **settings)


def test_a_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "run.pt"
    model, history = small(path)
    before = path.read_bytes()
    again, same = small(path, start=1)
    assert same == history
    assert path.read_bytes() == before
    for ours, theirs in zip(
        model.parameters(), again.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_finished_run_can_be_made_longer(tmp_path):
    _, long = small(None, num_epochs=5)
    small(tmp_path / "run.pt", num_epochs=2)
    _, longer = small(tmp_path / "run.pt", num_epochs=5)
    assert longer == long


def test_an_early_stop_is_kept(tmp_path):
    values = make_series(length=40).values
    loader = make_loader(*make_chunks(values, 20))

    def stopped():
        torch.manual_seed(0)
        model = GRUModel(hidden_size=4)
        history = fit(
            model,
            loader,
            make_loader(*make_chunks(-values, 20)),  # only gets worse
            num_epochs=50,
            patience=3,
            checkpoint=tmp_path / "run.pt",
        )
        return model, history

    model, history = stopped()
    assert len(history.train_loss) == history.best_epoch + 3 < 50
    again, same = stopped()
    assert same == history
    for ours, theirs in zip(
        model.parameters(), again.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def other_data(values):
    return {"train": make_loader(*make_chunks(values, 20), 8, shuffle=True)}


VALUES = make_series(length=40).values
CHUNKS = make_chunks(VALUES, 20)
momentum = functools.partial(torch.optim.SGD, momentum=0.9)
OTHERS = {  # what another run differs in: the second run's, what is said
    "rate": ({"lr": 0.02}, r"lr=0\.02, but run\.pt has lr=0\.01"),
    "burn-in": ({"burn_in": 3}, r"burn_in=3, but run\.pt has burn_in=0"),
    "schedule": ({"one_cycle": True}, r"one_cycle=True, but .*=False"),
    "optimiser": ({"optimizer": torch.optim.SGD}, "SGD, but .*Adam"),
    "options": (
        {"optimizer": lambda p, lr: torch.optim.Adam(p, lr, weight_decay=1)},
        "optimizer",
    ),
    "loss": ({"loss": nn.L1Loss()}, r"loss=L1Loss\(.*, but run.pt has loss="),
    "seed": ({"seed": 1}, "seed=1, but run.pt has seed=0"),
    "data": (other_data(VALUES[::-1].copy()), "this data, but .* other data"),
    "series": (other_data(VALUES * 100 + 5000), "this data, but .* other"),
    "batches": (
        {"train": make_loader(*CHUNKS, 7, shuffle=True)},
        "batch_size=7, but run.pt has train_loader's batch_size=8",
    ),
    "order": ({"train": make_loader(*CHUNKS, 8)}, "order=SequentialSampler"),
    "loader's seed": (
        {"train": make_loader(*CHUNKS, 8, shuffle=True, seed=1)},
        "train_loader's seed=1, but run.pt has train_loader's seed=0",
    ),
    "validation": (
        {"valid": make_loader(*CHUNKS)},
        "expected a run with",
    ),
    "sizes": ({"model": GRUModel(hidden_size=5)}, "model=GRUModel"),
    "dropout": (
        {"model": GRUModel(hidden_size=4, num_layers=2, dropout=0.1)},
        "model=GRUModel",
    ),
    "head": (
        {"model": GRUModel(hidden_size=4, head=Gaussian())},
        "but run.pt has",
    ),
    "layer": ({"model": GRUModel(hidden_size=4, fast=True)}, "ExactGRU"),
    "compiled layer": (
        {"model": GRUModel(hidden_size=4, fast="compiled")},
        "CompiledGRU",
    ),
    "epochs": ({"num_epochs": 1}, "at least the 2 epochs that run.pt has"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_is_refused_and_nothing_changes(tmp_path, name):
    arguments, message = OTHERS[name]
    small(tmp_path / "run.pt")
    before = (tmp_path / "run.pt").read_bytes()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        small(tmp_path / "run.pt", **arguments)
    assert (tmp_path / "run.pt").read_bytes() == before
    if "model" not in arguments:  # weights are drawn, and nothing else
        state = torch.get_rng_state()
        torch.manual_seed(0)
        GRUModel(hidden_size=4)
        assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["lr", "loss", "train_loader's data"])
def test_a_file_without_one_of_the_settings_is_refused(
    tmp_path, monkeypatch, name
):
    settings_of = checkpoint_module.settings_of

    def forgetful(run):
        return {k: v for k, v in settings_of(run).items() if k != name}

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module, "settings_of", forgetful)
        small(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="expected a run with"):
        small(tmp_path / "run.pt")


def test_what_lies_in_batches_is_compared_too(tmp_path):
    X, y = (torch.tensor(part.copy()).float() for part in CHUNKS)
    small(tmp_path / "run.pt", train=[(X, y)])
    small(tmp_path / "run.pt", train=[(X.clone(), y.clone())])
    with pytest.raises(ValueError, match="other data"):
        small(tmp_path / "run.pt", train=[(X, y + 1)])


def test_another_model_is_refused_and_left_as_it_is(tmp_path):
    small(tmp_path / "run.pt")
    model = GRUModel(hidden_size=5)
    before = [p.clone() for p in model.parameters()]
    loader = make_loader(
        *make_chunks(make_series(length=40).values, 20), 8, shuffle=True
    )
    with pytest.raises(ValueError, match="expected a run with model=GRUModel"):
        fit(model, loader, num_epochs=2, checkpoint=tmp_path / "run.pt")
    for ours, theirs in zip(before, model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kept", [0, 3, 500, -50, -1])
def test_a_file_that_was_cut_short_is_refused(tmp_path, kept):
    path = tmp_path / "run.pt"
    small(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"checkpoint: .*run\.pt"):
        small(path)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    for thing in (GRUModel().state_dict(), GRUModel()):
        torch.save(thing, path)  # to read the second one would run code
        with pytest.raises(ValueError, match=r"run\.pt holds something else"):
            small(path)


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        yield from [(torch.zeros(3, 1), torch.zeros(1))] * 2


def test_a_loader_that_does_not_know_its_length_can_be_kept(tmp_path):
    loader = torch.utils.data.DataLoader(Endless())
    small(tmp_path / "run.pt", train=loader, num_epochs=1)
    _, history = small(tmp_path / "run.pt", train=loader, num_epochs=3)
    assert len(history.train_loss) == 3


def test_a_run_on_another_device_goes_on_here(tmp_path, monkeypatch):
    """A file of a machine with a GPU is read on one without."""
    tag = torch.serialization.location_tag
    _, whole = small(None, num_epochs=3)
    with monkeypatch.context() as patch:
        name = "location_tag"
        patch.setattr(torch.serialization, name, lambda storage: "cuda:0")
        small(tmp_path / "run.pt", num_epochs=1)
    assert torch.serialization.location_tag is tag
    assert small(tmp_path / "run.pt", num_epochs=3)[1] == whole


def test_reading_moves_the_generator_only_to_where_the_run_was(tmp_path):
    small(tmp_path / "run.pt")
    (tmp_path / "run.pt").write_bytes(b"nothing")
    torch.manual_seed(5)
    GRUModel(hidden_size=4)
    expected = torch.get_rng_state()
    with pytest.raises(ValueError, match="something else"):
        small(tmp_path / "run.pt", start=5)
    assert torch.equal(torch.get_rng_state(), expected)


@pytest.mark.parametrize("path", ["none/run.pt", ".", "run.pt/run.pt"])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, path):
    (tmp_path / "run.pt").touch()
    with pytest.raises(ValueError, match="expected a file in a folder that"):
        small(tmp_path / path)


def test_nothing_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small(None)
    assert list(tmp_path.iterdir()) == []


def test_no_leftover_file(tmp_path):
    small(tmp_path / "run.pt")
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
