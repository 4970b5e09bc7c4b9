"""Results of the scripts in ``benchmarks/``: written and read here."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import tempfile
from pathlib import Path

import numpy as np

from gru_tutorial.checks import check_float, check_int

RESULTS = Path(__file__).resolve().parents[1] / "results"


def store(
    name: str,
    results: dict,
    *,
    load: float | None = None,
    repetitions: int | None = None,
) -> None:
    """Write results with what they depend on, whole or not at all.

    Parameters
    ----------
    name : str
        Of the results: small letters, digits and underscores.
    results : dict
        What was measured, as JSON can hold it.
    load : float
        The machine's load average before the measurement; see
        ``load_average``.
    repetitions : int
        How often each figure was measured.

    Raises
    ------
    ValueError
        If a name has other characters, or JSON cannot hold the results.

    Examples
    --------
    >>> store("../speed", {})
    Traceback (most recent call last):
    ValueError: name: expected small letters, digits and underscores, got \
'../speed'
    """
    if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9_]{1,99}", name)):
        raise ValueError(
            "name: expected small letters, digits and underscores, got "
            f"{name!r}"
        )
    record = _circumstances()
    if load is not None:
        record["load"] = check_float("load", load, 0)
    if repetitions is not None:
        record["repetitions"] = check_int("repetitions", repetitions, 1)
    record["results"] = results
    try:
        text = json.dumps(record, indent=1, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"results: expected what JSON can hold, got {error}"
        ) from None
    _write_whole(RESULTS / f"{name}.json", text + "\n")
    print(f"written: {name}.json")


def load_results(name: str) -> dict:
    """Load what a script in ``benchmarks/`` measured beforehand.

    Parameters
    ----------
    name : str
        Such as ``"speed"``, which ``benchmarks/speed.py`` wrote.

    Returns
    -------
    dict
        ``date``, ``machine``, ``python``, ``torch`` and ``numpy``, on which
        the measurement depends, and its ``results``; ``load`` and
        ``repetitions`` where they were told.

    Raises
    ------
    ValueError
        If no results have that name.

    Examples
    --------
    >>> record = load_results("speed")
    >>> record["results"]["kinds"][0]["layer"]
    'RNN'
    """
    known = sorted(path.stem for path in RESULTS.glob("*.json"))
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"name: expected one of {', '.join(known)}, got {name!r}"
        )
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def load_average() -> float | None:
    """Return how busy the machine was in the last minute.

    Returns
    -------
    float
        The average number of processes that ran or waited to; None where the
        system does not tell.

    Examples
    --------
    >>> load = load_average()
    >>> load is None or load >= 0
    True
    """
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _circumstances() -> dict:
    import torch  # reading results does not need it

    return {
        "date": datetime.date.today().isoformat(),
        "machine": processor(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def processor() -> str:
    """Return the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [x.split(":")[1].strip() for x in lines if x.startswith("model n")]
    return names[0] if names else platform.machine()


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / path.name
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
