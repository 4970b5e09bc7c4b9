"""Several processes end as one does; killed ones and a lost network, too."""

import multiprocessing
import os
import subprocess
import sys
import traceback

import numpy as np
import pytest
import torch
import torch.distributed as dist

from gru_tutorial import (
    Gaussian,
    GRUModel,
    Recipe,
    Run,
    fit,
    make_chunks,
    make_loader,
    make_series,
    make_windows,
)
from gru_tutorial import distributed as distributed_module
from gru_tutorial.distributed import Share, SharedRun, joined, place

LIMIT = 120  # seconds that a child may take on a busy machine
VALUES = make_series(length=180, seed=1).values - 2


def forks(test):
    """Mark a test that starts processes by a fork, with gloo between them."""
    able = sys.platform == "linux" and dist.is_available()
    skip = pytest.mark.skipif(not able, reason="needs fork, gloo and Linux")
    quiet = "ignore:.*multi-threaded, use of fork"
    return pytest.mark.slow(skip(pytest.mark.filterwarnings(quiet)(test)))


def member(function, store, worker, workers, tell):
    """Join, call a function, and tell what it returns or raises."""
    try:
        torch.set_num_threads(1)
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        if workers > 1:
            dist.init_process_group(
                "gloo",
                init_method=f"file://{store}",
                rank=worker,
                world_size=workers,
            )
        answer = function(worker)
    except ValueError as error:
        answer = error
    except BaseException:
        answer = traceback.format_exc()
    tell.send(answer)
    if dist.is_initialized():
        dist.destroy_process_group()


def together(function, store, workers=2):
    """Return what a function gives in each of several processes."""
    fork = multiprocessing.get_context("fork")
    started = []
    try:
        for worker in range(workers):
            ours, theirs = fork.Pipe(duplex=False)
            arguments = function, store, worker, workers, theirs
            process = fork.Process(target=member, args=arguments)
            process.start()
            started.append((process, ours))
        answers = []
        for _, ours in started:
            assert ours.poll(LIMIT), "a worker does not answer"
            answers.append(ours.recv())
        return answers
    finally:
        for process, _ in started:
            process.join(5)
            process.kill()
            process.join()


def ends(model, history):
    """Return the end of a run in plain values, which a pipe can carry."""
    weights = {k: v.numpy() for k, v in model.state_dict().items()}
    return weights, history.train_loss, history.valid_loss


def differ(end, other):
    """Return the largest difference in weights, and in losses."""
    weights = [np.abs(end[0][k] - other[0][k]).max() for k in end[0]]
    losses = [
        np.abs(np.subtract(a, b)).max(initial=0.0)
        for a, b in zip(end[1:], other[1:], strict=True)
    ]
    return max(weights), max(losses)


def trained_on(name, **changes):
    """Train on 101 windows by 25, so that the last batch holds one alone."""
    torch.manual_seed(0)
    windows, chunks = make_windows(VALUES[:125], 24), make_chunks(VALUES, 30)
    valid = make_loader(*make_windows(VALUES[126:], 24), 7, True, seed=5)
    train = make_loader(*windows, 25, shuffle=True, seed=3)
    model, settings = GRUModel(hidden_size=6), {}
    if name == "all that draws":
        settings = {"one_cycle": True, "clip": 0.3, "input_noise": 0.3}
        settings |= {"num_epochs": 21, "patience": 30}
    elif name == "chunks":
        train = make_loader(*chunks, 40, shuffle=True)
        model = GRUModel(hidden_size=6, head=Gaussian(), learn_h0=True)
        settings, valid = {"burn_in": 5}, None
    elif name == "a list of batches":
        train, settings = list(train), {"optimizer": torch.optim.SGD}
    elif name == "an early stop":  # of a loss that soon gets worse
        valid = make_loader(*make_windows(-VALUES, 24), 31)
        settings = {"patience": 2, "num_epochs": 20}
    elif name == "dropout":
        model = GRUModel(hidden_size=6, num_layers=2, dropout=0.3)
    settings = {"num_epochs": 3, "lr": 0.02} | settings | changes
    return ends(model, fit(model, train, valid, shared=True, **settings))


SETTINGS = ["all that draws", "chunks", "a list of batches", "an early stop"]


@forks
def test_several_processes_end_as_one_does(tmp_path):
    def all_settings(worker):
        return [trained_on(name) for name in SETTINGS]

    (alone,) = together(all_settings, tmp_path / "one", 1)
    for workers in (2, 3):
        found = together(all_settings, tmp_path / f"{workers}", workers)
        for name, *answers in zip(SETTINGS, alone, *found, strict=True):
            one, first, *others = answers
            assert len(one[1]) == len(first[1]), name
            assert max(differ(one, first)) < 1e-5, name
            for other in others:
                assert differ(first, other) == (0, 0), name
    assert len(alone[-1][1]) < 20  # it did stop early
    assert len(alone[0][1]) * 5 > 100  # updates


def test_a_shared_run_of_one_process_is_a_run():
    for name in [*SETTINGS, "dropout"]:
        one, same = trained_on(name, num_epochs=2), None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gru_tutorial.training._run_of", lambda shared: Run)
            same = trained_on(name, num_epochs=2)
        assert differ(one, same) == (0, 0), name


@forks
def test_dropout_repeats_itself_and_differs_by_process(tmp_path):
    def twice(worker):
        return trained_on("dropout"), trained_on("dropout")

    for first, second in together(twice, tmp_path / "store"):
        assert differ(first, second) == (0, 0)

    def draws(worker):
        loader = make_loader(np.ones((4, 3, 1)), np.ones((4, 1)))
        run = SharedRun(GRUModel(hidden_size=2), loader, None, Recipe())
        before = torch.get_rng_state()
        with run._own_draws():
            drawn = torch.rand(3).tolist()
        assert torch.equal(torch.get_rng_state(), before)
        return drawn

    first, second = together(draws, tmp_path / "other")
    assert first != second


@forks
def test_another_number_of_processes_goes_on(tmp_path):
    path = tmp_path / "run.pt"

    def part(epochs):
        return lambda worker: trained_on(
            "all that draws",
            one_cycle=False,
            num_epochs=epochs,
            checkpoint=path if epochs else None,
        )

    (whole,) = together(lambda _: part(6)(0), tmp_path / "0", 1)
    path.unlink()
    for k, (epochs, workers) in enumerate([(2, 2), (4, 1), (6, 2)], 1):
        found = together(part(epochs), tmp_path / f"{k}", workers)
    assert max(differ(whole, found[0])) < 1e-5


@forks
@pytest.mark.parametrize("what", ["seed", "data", "weights' seed"])
def test_processes_with_different_runs_are_refused(tmp_path, what):
    def run(worker):
        torch.manual_seed(worker if what == "weights' seed" else 0)
        X = np.ones((9, 3, 1)) * (1 + worker * (what == "data"))
        loader = make_loader(X, X[:, 0], 4, True, worker * (what == "seed"))
        fit(GRUModel(hidden_size=3), loader, num_epochs=2, shared=True)

    for answer in together(run, tmp_path / "store"):
        assert isinstance(answer, ValueError), answer
        assert "shared: expected the same run in every process" in str(answer)


@forks
def test_the_first_process_reports_and_ends_the_run(tmp_path):
    def run(worker):
        seen = []

        def watch(run):
            seen.append(run.done)
            return run.done == 2

        ends = trained_on("chunks", num_epochs=5, callbacks=[watch])
        return seen, len(ends[1])

    found = together(run, tmp_path / "store")
    assert found == [([1, 2], 2), ([], 2)]


@forks
def test_a_loss_that_is_not_finite_ends_all_of_them(tmp_path):
    def run(worker):
        X = np.ones((6, 3, 1), dtype=np.float32)
        y = X[:, 0].copy()
        y[1] = 3e38  # a row of the second process
        loader = make_loader(X, y, batch_size=6)
        try:
            fit(GRUModel(hidden_size=3), loader, num_epochs=1, shared=True)
        except FloatingPointError as error:
            return str(error)

    for answer in together(run, tmp_path / "store"):
        assert answer.startswith("loss: expected finite numbers, got inf")


# One worker's rows


def rows_of(batches):
    return [y.flatten().tolist() for _, y in batches]


@pytest.mark.parametrize("kind", ["loader", "list"])
@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_shares_are_the_batches(kind, workers):
    X = np.arange(11.0).reshape(11, 1, 1)

    def loader():
        made = make_loader(X, X[:, 0], 4, shuffle=True, seed=2)
        return made if kind == "loader" else list(made)

    wholes, shares = loader(), [loader() for _ in range(workers)]
    shares = [Share(one, k, workers) for k, one in enumerate(shares)]
    for _ in range(2):  # epochs, each in an order of its own
        for whole, *parts in zip(rows_of(wholes), *shares, strict=True):
            counted = [
                row
                for share, (_, y) in zip(shares, parts, strict=True)
                for row in y.flatten().tolist()[: share.count]
            ]
            assert sorted(counted) == sorted(whole)
            assert {share.size for share in shares} == {len(whole)}
            assert all(len(y) for _, y in parts)


def test_a_share_reads_its_rows_alone():
    seen = []

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return 10

        def __getitem__(self, k):
            seen.append(k)
            return torch.zeros(3, 1), torch.zeros(1)

    loader = torch.utils.data.DataLoader(Rows(), batch_size=4)
    assert len(list(Share(loader, 1, 2))) == 3
    assert seen == [1, 3, 5, 7, 9]


def test_a_break_in_an_epoch_does_not_shift_the_sizes():
    X = np.zeros((9, 3, 1))
    share = Share(make_loader(X, X[:, 0], 4), 0, 2)
    next(iter(share.own))  # read, but not yielded, as by a loader's workers
    assert [share.size for _ in share] == [4, 4, 1]


@pytest.mark.parametrize(
    ("worker", "workers", "message"),
    [(2, 2, "worker: expected"), (0, 0, "workers: expected")],
)
def test_a_share_needs_a_worker(worker, workers, message):
    with pytest.raises(ValueError, match=message):
        Share([], worker, workers)


# Joining


def test_alone_there_is_nobody_to_join(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with joined() as device:
        assert place() == (0, 1)
        assert torch.zeros(1, device=device).device.type == device.type
    with pytest.raises(ValueError, match="timeout: expected"), joined(0):
        pass


def test_restarts_that_could_read_old_addresses_are_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    with (
        pytest.raises(ValueError, match=r"^TORCH_DISABLE_SHARE.*expected 1"),
        joined(),
    ):
        pass


def test_shared_is_yes_or_no():
    loader = make_loader(*make_windows(VALUES[:9], 4))
    with pytest.raises(ValueError, match="shared: expected"):
        fit(GRUModel(), loader, shared="yes")


def test_a_command_that_cannot_write_says_so(tmp_path, capsys):
    given = ["--checkpoint", str(tmp_path / "none" / "run.pt")]
    assert distributed_module._main(given) == 2
    assert "checkpoint: expected a file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_the_script_runs_with_one_process_or_two(tmp_path, capsys):
    files = [tmp_path / "one.pt", tmp_path / "two.pt"]
    given = ["--epochs", "2", "--weights"]
    assert distributed_module._main([*given, str(files[0])]) == 0
    one = capsys.readouterr().out
    torchrun = "-m torch.distributed.run --standalone --nproc-per-node=2 -m"
    ran = subprocess.run(
        [
            *(sys.executable, *torchrun.split(), "gru_tutorial.distributed"),
            *(*given, str(files[1])),
        ],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert ran.returncode == 0, ran.stderr
    assert one.startswith("1 at work; losses 0.")
    assert ran.stdout == one.replace("1 at work", "2 at work")
    found, other = map(torch.load, files)
    for name, value in found.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=1e-5)


# What befalls them: by the benchmark's own script


@forks
def test_killed_workers_end_as_if_nothing_had_happened(script, tmp_path):
    workers = script("workers")
    same = {"epochs": 4, "dropout": 0.2}
    calm = workers.Job(str(tmp_path), "calm", **same)
    faults = [
        ("before the new file takes the old one's place", 0, 2),
        ("before the optimiser's step", 1, 8),
    ]
    killed = workers.Job(str(tmp_path), "killed", faults=faults, **same)

    def undisturbed(worker):
        run = workers.make_run(calm)
        while not run.over():
            run.epoch()
        return ends(run.model, run.history)

    weights, _, losses = together(undisturbed, tmp_path / "store")[0]
    end = workers.run_job(killed, restarts=2, seconds=LIMIT)
    assert workers.lives_of(killed) == [0, 1, 2]
    assert end["valid_loss"] == losses
    for name, value in end["weights"].items():
        np.testing.assert_array_equal(value.numpy(), weights[name])


@pytest.mark.slow
def test_a_snapshot_of_weights_and_epoch_alone_does_not(script, tmp_path):
    """As if killed after two epochs, and started again: no process needed."""
    workers = script("workers")
    ends = []
    for keeper in (workers.Checkpoint, workers.Snapshot):
        path = tmp_path / f"{keeper.__name__}.pt"
        for stop in (2, 8):
            run = workers.make_run(workers.Job(str(tmp_path), epochs=8))
            kept = keeper(path, run)
            kept.load()
            while run.done < stop:
                run.epoch()
                kept.save()
        ends.append({"weights": run.model.state_dict()})
    undisturbed = workers.make_run(workers.Job(str(tmp_path), epochs=8))
    while not undisturbed.over():
        undisturbed.epoch()
    calm = {"weights": undisturbed.model.state_dict()}
    whole, part = (workers.difference(calm, end) for end in ends)
    assert whole == 0
    assert part > 1e-3


@pytest.mark.slow
def test_a_lost_network_delays_and_changes_nothing(script, tmp_path):
    reason = script("hosts").missing()
    if reason:
        pytest.skip(reason)
    workers, befallen = script("workers"), script("distributed")
    same = {"epochs": 40, "pause": 0.05}
    lost = workers.Job(str(tmp_path), "lost", **same)
    found = befallen.lose_network(lost, 2, limit=LIMIT)
    assert found["stalled"] >= 2
    assert found["saved last"] < 1.5  # and then no more, until it was back
    calm = workers.make_run(lost)
    while not calm.over():
        calm.epoch()
    end = {"weights": calm.model.state_dict()}
    assert workers.difference(end, workers.end_of(lost)) < 1e-5
    found = subprocess.run(["ip", "netns", "list"], capture_output=True)
    assert b"gru-" not in found.stdout
