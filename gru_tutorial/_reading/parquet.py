"""Parquet files, where pyarrow is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from gru_tutorial._reading.grid import Grid
from gru_tutorial._reading.problems import refuse

MAX_CELLS = 10**7


def is_parquet(data: bytes) -> bool:
    """Tell by its first bytes."""
    return data.startswith(b"PAR1")


def read_parquet(path: Path, done: list[str]) -> Grid:
    """Return a table's cells as text; rows count from 1."""
    name = path.name
    if find_spec("pyarrow") is None:
        refuse(
            name,
            "no reader",
            "is a Parquet file, and pyarrow, which reads those, is not "
            "installed; install it (pip install pyarrow), or save the table "
            "as CSV",
        )
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises several kinds
        refuse(name, "damaged", f"expected a Parquet file ({error})")
    if any(one is not None for one in table.index.names):
        table = table.reset_index()
    if table.size == 0 or table.size > MAX_CELLS:
        refuse(
            name,
            "size",
            f"expected 1 to {MAX_CELLS:,} cells, got {table.size:,}",
        )
    cells = [_texts(table.iloc[:, k]) for k in range(table.shape[1])]
    rows = list(range(1, len(table) + 1))
    done.append("read by pyarrow; rows count from 1")
    return Grid(name, [str(c) for c in table.columns], rows, cells, "", done)


def _texts(column: pd.Series) -> list[str]:
    lost = column.isna().to_numpy()
    whole = pd.api.types.is_float_dtype(column.dtype)
    texts = [repr(float(v)) if whole else str(v) for v in column]
    return ["" if gone else t for t, gone in zip(texts, lost, strict=True)]
