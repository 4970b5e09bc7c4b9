"""A run that is interrupted ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from gru_tutorial import GRUModel, fit, make_chunks, make_loader, make_series

# Everything that draws or remembers: dropout, shuffling, input noise, Adam,
# a schedule, the best weights so far.
SCRIPT = """
import sys
import torch
from gru_tutorial import GRUModel, fit, make_chunks, make_loader, make_series
from gru_tutorial import make_windows

torch.set_num_threads(1)
folder, name = sys.argv[1:]
values = make_series(length=130, seed=1).values - 2
torch.manual_seed(0)
model = GRUModel(hidden_size=6, num_layers=2, dropout=0.2)
train = make_loader(*make_chunks(values[:100], 30), 8, shuffle=True, seed=3)
valid = make_loader(*make_windows(values[80:], 20), 8, shuffle=True, seed=4)
history = fit(
    model,
    train,
    valid,
    num_epochs=12,
    one_cycle=True,
    clip=1.0,
    input_noise=0.2,
    burn_in=5,
    patience=12,
    checkpoint=f"{folder}/{name}.pt",
    on_epoch=lambda history: print(len(history.train_loss), flush=True),
)
torch.save([model.state_dict(), history.train_loss, history.valid_loss],
           f"{folder}/{name}.end")
"""


def start(folder, name):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_run_ends_bit_identical(tmp_path):
    whole = start(tmp_path, "whole")
    out, err = whole.communicate(timeout=120)
    assert whole.returncode == 0, err
    assert out.split() == [str(k) for k in range(1, 13)]

    rng = np.random.default_rng(0)
    seen = []
    for epochs in (1, 2, 1):  # killed three times, within an epoch
        process = start(tmp_path, "killed")
        seen += [int(process.stdout.readline()) for _ in range(epochs)]
        time.sleep(rng.uniform(0, 0.05))
        kill(process)
    last = start(tmp_path, "killed")
    out, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    seen += [int(line) for line in out.split()]
    assert seen[-1] == 12
    assert seen == sorted(seen)  # it never started anew

    ends = [torch.load(tmp_path / f"{n}.end") for n in ("whole", "killed")]
    assert ends[0][1:] == ends[1][1:]
    for name, value in ends[0][0].items():
        assert torch.equal(value, ends[1][0][name])


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_run_killed_while_it_writes_leaves_a_whole_file(tmp_path):
    """The process dies just before the new file takes the old one's place."""
    dying = SCRIPT.replace(
        "import torch\n",
        "import os, signal, torch\n"
        "written = []\n"
        "def replace(new, old, real=os.replace):\n"
        "    written.append(new)\n"
        "    if len(written) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(new, old)\n"
        "os.replace = replace\n",
        1,
    )
    run = [sys.executable, "-c", dying, str(tmp_path), "run"]
    process = subprocess.run(run, capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL
    stored = torch.load(tmp_path / "run.pt", weights_only=True)
    assert len(stored["progress"]["history"]["train_loss"]) == 2


def small(path, seed=0, **arguments):
    torch.manual_seed(seed)
    model = GRUModel(hidden_size=4)
    chunks = make_chunks(make_series(length=40).values, 20)
    loader = make_loader(*chunks, batch_size=8, shuffle=True)
    settings = {"num_epochs": 2, "checkpoint": path, **arguments}
    return model, fit(model, loader, **settings)


def test_a_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "run.pt"
    model, history = small(path)
    before = path.read_bytes()
    again, same = small(path, seed=1)
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"lr": 0.02},
            r"expected a run with lr=0\.02, but run\.pt has lr=0\.",
        ),
        ({"burn_in": 3}, r"burn_in=3, but run\.pt has burn_in=0"),
        (
            {"one_cycle": True},
            r"num_epochs=2, but run\.pt has num_epochs=None",
        ),
        ({"optimizer": torch.optim.SGD}, r"'SGD'.* but run\.pt has .*'Adam'"),
    ],
)
def test_another_run_is_refused(tmp_path, arguments, message):
    small(tmp_path / "run.pt")
    before = (tmp_path / "run.pt").read_bytes()
    with pytest.raises(ValueError, match=message):
        small(tmp_path / "run.pt", **arguments)
    assert (tmp_path / "run.pt").read_bytes() == before


def test_another_model_is_refused_and_left_as_it_is(tmp_path):
    small(tmp_path / "run.pt")
    model = GRUModel(hidden_size=5)
    before = [p.clone() for p in model.parameters()]
    loader = make_loader(
        *make_chunks(make_series(length=40).values, 20), 8, shuffle=True
    )
    with pytest.raises(ValueError, match="expected the weights of this model"):
        fit(model, loader, num_epochs=2, checkpoint=tmp_path / "run.pt")
    for ours, theirs in zip(before, model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kept", [0, 3, 500, -50])
def test_a_damaged_file_is_refused(tmp_path, kept):
    path = tmp_path / "run.pt"
    small(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"could not read run\.pt \(.*anew"):
        small(path)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    torch.save(GRUModel().state_dict(), path)
    with pytest.raises(ValueError, match=r"run\.pt holds something else"):
        small(path)


def test_a_file_with_code_is_not_run(tmp_path):
    path = tmp_path / "run.pt"
    torch.save(GRUModel(), path)  # an object: unpickling it would run code
    with pytest.raises(ValueError, match=r"could not read run\.pt"):
        small(path)


@pytest.mark.parametrize("path", ["none/run.pt", "."])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, path):
    with pytest.raises(ValueError, match="expected a file in a folder that"):
        small(tmp_path / path)


def test_nothing_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small(None)
    assert list(tmp_path.iterdir()) == []


def test_no_leftover_file(tmp_path):
    small(tmp_path / "run.pt")
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
