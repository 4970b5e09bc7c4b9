"""A file from which an interrupted run goes on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from gru_tutorial.checks import memory_under
from gru_tutorial.recipe import CUTTING, name_of
from gru_tutorial.storage import check_destination, read_whole, write_whole
from gru_tutorial.training import Run, length_of

KIND = "run 2"


class Checkpoint:
    """The file of one run: all that its next epoch depends on.

    What defines the run is in it, too: settings, optimiser and its options,
    loss, the model's structure, the loaders' batches and seeds, and a digest
    of their data. (Of data that do not lie in a ``TensorDataset`` or in a
    list of batches, only kind and number are known.) A file of another run is
    refused.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its folder must exist.
    run : Run
        The run that it keeps.

    Raises
    ------
    ValueError
        If nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> from gru_tutorial import GRUModel, Recipe, Run, make_loader
    >>> def new_run():
    ...     _ = torch.manual_seed(0)
    ...     loader = make_loader(np.zeros((4, 3, 1)), np.ones((4, 1)))
    ...     return Run(GRUModel(), loader, None, Recipe(num_epochs=3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = new_run(), new_run()
    ...     first.epoch()
    ...     Checkpoint(f"{folder}/run.pt", first).save()
    ...     Checkpoint(f"{folder}/run.pt", second).load()
    >>> second.history == first.history
    True
    """

    def __init__(self, path, run):
        self.path = check_destination("checkpoint", path)
        self.settings = settings_of(run)
        self.run = run

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written. The file before stays as it was.
        """
        run = self.run
        state = {
            "settings": self.settings,
            "history": asdict(run.history),
            "best": run.best,
            "parts": {k: v.state_dict() for k, v in _parts(run).items()},
            "generators": [_state(one) for one in _generators(run)],
            "torch": torch.get_rng_state(),
        }
        write_whole(self.path, KIND, state)

    def load(self) -> None:
        """Let the run go on from the file, if there is one.

        Raises
        ------
        ValueError
            If the file is damaged, or of another run. Nothing is changed.
        """
        if not self.path.exists():
            return
        state = read_whole("checkpoint", self.path, KIND)
        self._compare(state)
        run = self.run
        for name, part in _parts(run).items():
            part.load_state_dict(state["parts"][name])
        for generator, stored in zip(
            _generators(run), state["generators"], strict=True
        ):
            _set_state(generator, stored)
        torch.set_rng_state(state["torch"])
        run.history = type(run.history)(**state["history"])
        run.best = state["best"]

    def _compare(self, state: dict) -> None:
        theirs = state["settings"]
        for name in [*self.settings, *theirs]:
            ours, other = self.settings.get(name), theirs.get(name)
            if ours == other:
                continue
            if name.endswith("data"):
                ours, other = "this data", "other data"
            else:
                ours, other = f"{name}={ours}", f"{name}={other}"
            raise ValueError(
                f"checkpoint: expected a run with {ours}, but "
                f"{self.path.name} has {other}"
            )
        done = len(state["history"]["train_loss"])
        if done > self.run.recipe.num_epochs:
            raise ValueError(
                f"num_epochs: expected at least the {done} epochs that "
                f"{self.path.name} has done, got {self.run.recipe.num_epochs}"
            )
        for name, part in _parts(self.run).items():
            if _shapes(state["parts"][name]) != _shapes(part.state_dict()):
                raise ValueError(
                    f"checkpoint: expected the weights of this {name}, but "
                    f"{self.path.name} has others"
                )


def settings_of(run) -> dict:
    """Return what defines a run, as plain values by name.

    Parameters
    ----------
    run : Run
        Not yet begun, or at any epoch.

    Examples
    --------
    >>> from gru_tutorial import GRUModel, Recipe, Run, make_loader
    >>> loader = make_loader(np.zeros((4, 3, 1)), np.ones((4, 1)), seed=7)
    >>> settings = settings_of(Run(GRUModel(), loader, None, Recipe(lr=0.1)))
    >>> settings["lr"], settings["train_loader's seed"]
    (0.1, 7)
    """
    if not isinstance(run, Run):
        raise ValueError(f"run: expected a Run, got {type(run).__name__}")
    plain = run.recipe.plain()
    found = {k: v for k, v in plain.items() if k not in CUTTING}
    num_epochs = found.pop("num_epochs")
    if run.recipe.one_cycle:  # else a run may go on for longer
        found["num_epochs"] = num_epochs
    found["loss"] = name_of(run.loss)
    options = {k: repr(v) for k, v in run.optimizer.defaults.items()}
    found["optimizer's options"] = options
    found["model"] = str(run.model)
    found |= _loader_settings("train_loader", run.train_loader)
    found |= _loader_settings("valid_loader", run.valid_loader)
    return found


def _loader_settings(name: str, loader) -> dict:
    if loader is None:
        return {name: None}
    found = {"batches": length_of(loader)}
    dataset = loader
    if isinstance(loader, DataLoader):
        dataset = loader.dataset
        found["batch_size"] = loader.batch_size
        found["order"] = type(loader.sampler).__name__
        if loader.generator is not None:
            found["seed"] = loader.generator.initial_seed()
    found["data"] = _digest(dataset)
    return {f"{name}'s {key}": value for key, value in found.items()}


def _digest(dataset) -> str:
    digest = hashlib.sha256(type(dataset).__name__.encode())
    tensors = []
    if isinstance(dataset, TensorDataset):
        tensors = dataset.tensors
    elif isinstance(dataset, (list, tuple)):
        pairs = [one for one in dataset if isinstance(one, (list, tuple))]
        tensors = [part for pair in pairs for part in pair]
    for tensor in filter(_holds_numbers, tensors):
        array = tensor.detach().cpu().numpy()
        memory = memory_under(array)
        digest.update(f"{array.shape} {array.dtype} {array.strides}".encode())
        whole = array if memory is None else memory
        digest.update(np.ascontiguousarray(whole).tobytes())
    return digest.hexdigest()


def _holds_numbers(part) -> bool:
    """Tell whether NumPy can read it; else nothing can be trained on it."""
    dense = isinstance(part, torch.Tensor) and part.layout == torch.strided
    return dense and not part.is_meta and part.dtype != torch.bfloat16


def _parts(run) -> dict:
    parts = {"model": run.model, "optimizer": run.optimizer}
    if run.schedule is not None:
        parts["schedule"] = run.schedule
    return parts


def _generators(run) -> list:
    loaders = run.train_loader, run.valid_loader
    drawing = [getattr(one, "generator", None) for one in loaders]
    return [run.rng, *(one for one in drawing if one is not None)]


def _shapes(state: dict) -> dict:
    return {k: v.shape for k, v in state.items() if torch.is_tensor(v)}


def _state(generator):
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return generator.bit_generator.state


def _set_state(generator, state) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
