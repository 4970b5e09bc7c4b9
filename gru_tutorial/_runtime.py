"""Run an exported model: what needs NumPy and ONNX Runtime, and no PyTorch."""

from __future__ import annotations

import json

import numpy as np


def open_onnx(model, threads: int = 1):
    """Return a session of ONNX Runtime, for one small model.

    Parameters
    ----------
    model : str, pathlib.Path or bytes
        An exported file, or what it holds.
    threads : int
        How many it may use; small layers gain nothing from a second.

    Raises
    ------
    ValueError
        If the file is absent, or holds no ONNX model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = threads
    options.log_severity_level = 3  # no warning that a state has a default
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
        )
    except Exception as error:  # of a dozen kinds, without a common base
        what = "these bytes" if isinstance(model, bytes) else repr(str(model))
        raise ValueError(
            f"model: expected an ONNX model, got {what} ({error})"
        ) from None


def forecast_onnx(session, history, horizon: int, **scale) -> np.ndarray:
    """Forecast with an exported model, as far as is asked.

    Beyond what the model gives at once, each forecast is taken in as if it
    had been observed. Nothing here needs this package: copy it.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of an exported model.
    history : array_like of shape (batch, time, features)
        In the series' own units; at least ``shortest`` steps, as the model's
        metadata say.
    horizon : int
        Time steps to forecast.
    **scale
        ``series_mean`` and ``series_std``, if the model asks for them.

    Returns
    -------
    numpy.ndarray of shape (batch, horizon, targets)
        In the series' own units.

    Raises
    ------
    ValueError
        If the model gives fewer steps, and cannot take in its own.
    """
    told = session.get_modelmeta().custom_metadata_map
    told = {name: json.loads(value) for name, value in told.items()}
    names = [one.name for one in session.get_outputs()]
    feeds, path = {"history": np.asarray(history, np.float64), **scale}, []
    at_once = told["strategy"] != "recursive"
    if told["head"] == "Seq2Seq" and at_once:
        feeds["horizon"] = np.array(horizon)
    while len(path) < horizon:
        found = dict(zip(names, session.run(names, feeds), strict=True))
        steps = found["forecast"]  # (batch, horizon, targets)
        if at_once and not path and steps.shape[1] >= horizon:
            return steps[:, :horizon]
        if horizon > 1 and not told["goes_on"]:
            raise ValueError(f"horizon: too far for this model: {horizon}")
        path.append(steps[:, 0])
        newest = steps[:, :1, np.argsort(told["target"])]
        if told["window"] is None:
            feeds |= {"history": newest, "state": found["new_state"]}
        else:
            moved = feeds["history"][:, 1:], newest
            feeds["history"] = np.concatenate(moved, axis=1)
    return np.stack(path, axis=1)
