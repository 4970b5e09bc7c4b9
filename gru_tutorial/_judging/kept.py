"""What is kept of a comparison, in memory and in a file."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from gru_tutorial._judging.network import Network
from gru_tutorial._judging.panel import Panel, Plan
from gru_tutorial._judging.rivals import Rival
from gru_tutorial._reading.steps import Step
from gru_tutorial._reading.table import Table
from gru_tutorial.storage import read_whole, write_whole

KIND = "verdict 1"


class Kept(NamedTuple):
    """The winner, fitted to all, with what it was fitted to.

    ``errors`` are those of the test part, in scaled units; ``options`` say how
    the file was read.
    """

    model: Network | Rival
    panel: Panel
    parts: Plan
    errors: np.ndarray
    tables: tuple[Table, ...]
    updates: int
    level: float
    options: dict

    def save(self, path) -> None:
        """Write all into one file."""
        panel = self.panel
        state = {
            "model": _state_of(self.model),
            "names": list(panel.names),
            "mean": torch.from_numpy(panel.mean),
            "std": torch.from_numpy(panel.std),
            "parts": list(self.parts),
            "errors": torch.from_numpy(np.ascontiguousarray(self.errors)),
            "tables": [_table_state(table) for table in self.tables],
            "updates": self.updates,
            "level": self.level,
            "options": self.options,
        }
        write_whole(path, KIND, state)

    @classmethod
    def load(cls, path) -> Kept:
        """Read what ``save`` wrote."""
        state = read_whole("path", path, KIND)
        try:
            tables = tuple(_table_of(one) for one in state["tables"])
            raw = [t.frame.to_numpy(np.float64) for t in tables]
            mean, std = state["mean"].numpy(), state["std"].numpy()
            panel = Panel(tuple(state["names"]), (), mean, std)
            panel = panel.with_series(raw)
            return cls(
                _model_of(state["model"], panel),
                panel,
                Plan(*state["parts"]),
                state["errors"].numpy(),
                tables,
                state["updates"],
                state["level"],
                dict(state["options"]),
            )
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(
                f"path: expected what Verdict.save wrote, got {error!r}"
            ) from None


def _state_of(model: Network | Rival) -> dict:
    if isinstance(model, Network):
        return model.state()
    return {
        "name": model.name,
        "period": model.period,
        "settings": model.settings,
    }


def _model_of(state: dict, panel: Panel) -> Network | Rival:
    if "weights" in state:
        return Network.from_state(state)
    rival = Rival(state["name"], state["period"], state["settings"])
    return rival.fit(panel)


def _table_state(table: Table) -> dict:
    index, frame = table.frame.index, table.frame
    dates = isinstance(index, pd.DatetimeIndex)
    zone = str(index.tz) if dates and index.tz is not None else None
    if dates:
        utc = index.tz_convert("UTC").tz_localize(None) if zone else index
        times = utc.to_numpy().astype("datetime64[us]").astype(np.int64)
    else:
        times = index.to_numpy()
    return {
        "series": table.name,
        "step": [table.step.kind, float(table.step.size)],
        "times": torch.from_numpy(times.copy()),
        "dates": dates,
        "zone": zone,
        "title": str(index.name),
        "columns": [str(name) for name in frame.columns],
        "values": torch.from_numpy(frame.to_numpy(np.float64).copy()),
    }


def _table_of(state: dict) -> Table:
    times = state["times"].numpy()
    index = pd.Index(times)
    if state["dates"]:
        index = pd.DatetimeIndex(times.astype("datetime64[us]"))
        if state["zone"]:
            index = index.tz_localize("UTC").tz_convert(state["zone"])
    index.name = state["title"]
    frame = pd.DataFrame(
        state["values"].numpy(), index=index, columns=state["columns"]
    )
    return Table(state["series"], frame, Step(*state["step"]))


def joined(known: Table, new: Table) -> tuple[Table, int, int]:
    """Return all rows, how many are new, and how many values were changed.

    ``new`` may hold all rows, or those that follow; where both hold a time,
    the newer file counts.
    """
    old, frame = known.frame, new.frame
    whose = f" of series {known.name!r}" if known.name else ""
    if list(old.columns) != list(frame.columns):
        raise ValueError(
            f"data: expected the columns {list(old.columns)}, got "
            f"{list(frame.columns)}"
        )
    if str(known.step) != str(new.step) and len(frame) > 2:
        raise ValueError(
            f"data: expected steps of {known.step}{whose}, got {new.step}"
        )
    if type(old.index) is not type(frame.index):
        raise ValueError("data: expected times of the same kind as before")
    shared = old.index.intersection(frame.index)
    a, b = old.loc[shared].to_numpy(), frame.loc[shared].to_numpy()
    changed = int((~np.isclose(a, b, rtol=1e-9, atol=0)).any(axis=1).sum())
    if old.index.name == "row" and (changed or len(shared) < len(old)):
        raise ValueError(
            f"data: expected all rows that the model knows{whose}, and then "
            f"new ones, as there are no times, got others"
        )
    added = frame[frame.index > old.index[-1]]
    follows = known.following(1)[0]
    if len(added) and known.step.kind != "rows" and added.index[0] != follows:
        raise ValueError(
            f"data: expected rows{whose} that go on at {follows}, got "
            f"{added.index[0]}"
        )
    both = pd.concat([old[~old.index.isin(shared)], frame.loc[shared], added])
    table = Table(known.name, both.sort_index(), known.step, new.after)
    return table, len(added), changed
