"""Chapter 4: a file from which an interrupted run goes on."""

from __future__ import annotations

import os
from pathlib import Path

import torch

FORMAT = "gru_tutorial run 1"


class Checkpoint:
    """The file of one run: all that its next epoch depends on.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its folder must exist.
    settings : dict
        What a run must have in common with the file: plain values by name.
    parts : dict
        What changes in training, by name: modules, optimisers, schedules, or
        None.
    generators : list of torch.Generator or numpy.random.Generator
        What draws in training, besides torch's own generator on the CPU; or
        None.

    Raises
    ------
    ValueError
        If the path is a folder, or its own folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> layer = torch.nn.Linear(1, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Checkpoint(f"{folder}/run.pt", {"lr": 0.1}, {"m": layer})
    ...     print(file.load())
    ...     file.save({"epochs": 3})
    ...     print(file.load())
    None
    {'epochs': 3}
    """

    def __init__(self, path, settings: dict, parts: dict, generators=()):
        self.path = Path(path)
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ValueError(
                f"checkpoint: expected a file in a folder that exists, got "
                f"{str(path)!r}"
            )
        self.parts = {k: part for k, part in parts.items() if part is not None}
        self.generators = [g for g in generators if g is not None]
        kinds = {k: type(part).__name__ for k, part in self.parts.items()}
        drawers = [type(g).__name__ for g in self.generators]
        self.settings = {**settings, "parts": kinds, "generators": drawers}

    def save(self, progress: dict) -> None:
        """Write the file, whole or not at all.

        Parameters
        ----------
        progress : dict
            How far the run is: plain values and tensors by name.
        """
        state = {
            "format": FORMAT,
            "settings": self.settings,
            "progress": progress,
            "parts": {k: part.state_dict() for k, part in self.parts.items()},
            "generators": [_state(g) for g in self.generators],
            "torch": torch.get_rng_state(),
        }
        new = self.path.with_name(self.path.name + ".new")
        with new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)  # one step: the old file, or the new one

    def load(self) -> dict | None:
        """Restore all parts and generators from the file.

        Returns
        -------
        dict
            The progress that was saved; None if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged, or of another run. Nothing is changed.
        """
        if not self.path.exists():
            return None
        state = self._read()
        for name, ours in self.settings.items():
            theirs = state["settings"].get(name)
            if ours != theirs:
                raise ValueError(
                    f"checkpoint: expected a run with {name}={ours!r}, but "
                    f"{self.path.name} has {name}={theirs!r}"
                )
        for name, part in self.parts.items():
            if _shapes(state["parts"][name]) != _shapes(part.state_dict()):
                raise ValueError(
                    f"checkpoint: expected the weights of this {name}, but "
                    f"{self.path.name} has others"
                )
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        for generator, stored in zip(
            self.generators, state["generators"], strict=True
        ):
            _set_state(generator, stored)
        torch.set_rng_state(state["torch"])
        return state["progress"]

    def _read(self) -> dict:
        try:
            state = torch.load(self.path, weights_only=True)
        except Exception as e:  # torch.load raises a dozen kinds
            raise ValueError(
                f"checkpoint: expected a file that fit wrote, could not read "
                f"{self.path.name} ({type(e).__name__}); move it away to "
                f"start anew"
            ) from e
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(
                f"checkpoint: expected a file that fit wrote, but "
                f"{self.path.name} holds something else"
            )
        return state


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
