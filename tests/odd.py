"""What a reader might pass by mistake: anything at all, or nearly right."""

from __future__ import annotations

import datetime
import functools
import math
import warnings
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gru_tutorial

HUGE = (2**62, 2**63, 10**30)


class Own(Exception):
    """An error of the caller's own function: it is to come through."""


class Answers:
    """A function that gives one answer, whatever it is asked."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, *args, **kwargs):
        return self.answer


class Model(nn.Module):
    """A model that gives one answer, whatever it is asked."""

    def __init__(self, answer, weights: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1)) if weights else None
        self.answer = answer

    def forward(self, x=None, *args, **kwargs):
        return self.answer


class Streaming(Model):
    """And one that carries a state."""

    def run(self, x, state=None):
        return self.answer


class Raises:
    """An object that fails however it is looked at."""

    columns = 3

    def __len__(self):
        raise TypeError("no length")

    def __float__(self):
        raise ValueError("no number")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


def raise_own(*args, **kwargs):
    """Fail as a caller's own function may."""
    raise Own


def answering(value):
    """Return a function without arguments that returns a value."""
    return lambda: value


def own(function):
    """Return a caller's function: what it raises is its own fault."""
    if isinstance(function, nn.Module):
        function.forward = own(function.forward)
        return function

    @functools.wraps(function, updated=())
    def called(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return function(*args, **kwargs)
            except Exception as error:
                raise Own from error

    return called


def _tensor(*shape, dtype=torch.float32):
    return torch.ones(shape, dtype=dtype)


ODD = [
    *(answering(value) for value in (None, True, False, 0, 1, -1, 2, 3, 0.5)),
    *(answering(value) for value in ("", "x", "lr", b"x", 1j, Ellipsis, int)),
    *(answering(value) for value in (math, print, np.float32(2), np.int8(3))),
    *(answering(value) for value in (math.nan, math.inf, -math.inf, -2.5)),
    *(answering(value) for value in (1e308, -1e308, 1e39, 5e-324, 1e-20)),
    *(answering(value) for value in (Decimal("2.5"), Fraction(5, 2), ())),
    *(answering(value) for value in HUGE),
    list,
    dict,
    set,
    object,
    Raises,
    lambda: [None],
    lambda: [1, "a"],
    lambda: [[1.0], [1.0, 2.0]],
    lambda: [[]],
    lambda: {"a": 1},
    lambda: {1: None},
    lambda: range(5),
    lambda: iter([1.0, 2.0]),
    lambda: (k for k in range(3)),
    lambda: slice(2),
    lambda: Path("nowhere") / "x",
    lambda: datetime.date(2000, 6, 5),
    lambda: np.array(3.0),
    lambda: np.array([]),
    lambda: np.zeros((0, 3)),
    lambda: np.zeros((3, 0)),
    lambda: np.zeros((2, 2, 2, 2)),
    lambda: np.array([1.0, np.nan]),
    lambda: np.array([["a", "b"]]),
    lambda: np.array([1.0, None], dtype=object),
    lambda: np.array(["2000-06-05"], dtype="datetime64[D]"),
    lambda: np.array([1, 2], dtype="timedelta64[s]"),
    lambda: np.zeros(3, dtype=[("a", float), ("b", int)]),
    lambda: np.arange(6),
    lambda: np.arange(6) % 2 == 0,
    lambda: np.ma.masked_all(4),
    lambda: np.ma.masked,
    lambda: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
    lambda: pd.Series([1.0, None, 3.0]),
    lambda: pd.NA,
    lambda: pd.NaT,
    lambda: _tensor(),
    lambda: _tensor(0),
    lambda: _tensor(3, 4),
    lambda: _tensor(3, 4, dtype=torch.bfloat16),
    lambda: _tensor(3, dtype=torch.complex64),
    lambda: _tensor(2, 3, 1, dtype=torch.int64),
    lambda: _tensor(2, 3, 1).to_sparse(),
    lambda: torch.empty(2, 3, 1, device="meta"),
    lambda: _tensor(2, 3, 1).requires_grad_(),
    lambda: torch.full((2, 3, 1), math.nan),
    lambda: np.random.default_rng(0),
    lambda: torch.Generator(),
    lambda: nn.Linear(1, 2),
    lambda: nn.GRU(1, 4),
    lambda: nn.GRU(2, 4, 2, bidirectional=True, batch_first=True),
    lambda: nn.LSTM(1, 4),
    nn.Identity,
    nn.MSELoss,
    lambda: nn.MSELoss,
    lambda: torch.optim.SGD,
    gru_tutorial.Scaler,
    gru_tutorial.GRUModel,
    gru_tutorial.Naive,
    gru_tutorial.History,
    gru_tutorial.Recipe,
    lambda: raise_own,
    lambda: gru_tutorial.Intervals([0.0], [1.0], 0.9),
]


# ... or a valid value with one thing changed


def _with(array, value):
    """Return a copy whose first number is another one."""
    array = array.clone() if torch.is_tensor(array) else array.copy()
    if len(array) if array.ndim else False:
        array.reshape(-1)[0] = value
    return array


ARRAY_TWISTS = [
    *(lambda a, kind=kind: a.astype(kind) for kind in ("f2", "f4", "f8", "g")),
    *(lambda a, kind=kind: a.astype(kind) for kind in (">f8", int, bool)),
    *(lambda a, kind=kind: a.astype(kind) for kind in (complex, object, str)),
    *(lambda a, v=v: _with(a, v) for v in (np.nan, np.inf, 1e308, 1e39)),
    lambda a: a * 1e308,
    lambda a: a * 1e-308,
    lambda a: a * 0,
    lambda a: a + 1e17,
    lambda a: a[None],
    lambda a: a[..., None],
    lambda a: a[0],
    lambda a: a[:0],
    lambda a: a[:1],
    lambda a: a[:-1],
    lambda a: a[..., :0],
    lambda a: np.concatenate([a, a], axis=-1),
    lambda a: a.T,
    lambda a: a[::-1],
    lambda a: np.broadcast_to(a[:1], a.shape),
    lambda a: a.tolist(),
    lambda a: tuple(a),
    lambda a: iter(a),
    lambda a: np.ma.masked_invalid(_with(a, np.nan)),
    lambda a: np.ma.masked_invalid(a),
    lambda a: torch.from_numpy(a.copy()),
    lambda a: torch.from_numpy(a.copy()).requires_grad_(),
    lambda a: torch.empty(a.shape, device="meta"),
    lambda a: pd.DataFrame(a.reshape(len(a), -1)),
    lambda a: pd.Series(a.ravel()),
    lambda a: np.array(_with(a.astype(object), None)),
]
KINDS = ("float64", "float16", "bfloat16", "int64", "bool", "complex64")
TENSOR_TWISTS = [
    *(lambda t, kind=kind: t.to(getattr(torch, kind)) for kind in KINDS),
    *(lambda t, v=v: _with(t, v) for v in (math.nan, math.inf, 3e38)),
    lambda t: t * 3e38,
    lambda t: t * 1e-38,
    lambda t: t * 0,
    lambda t: t[None],
    lambda t: t[..., None],
    lambda t: t[0],
    lambda t: t[:0],
    lambda t: t[:1],
    lambda t: t[:-1],
    lambda t: t[..., :0],
    lambda t: torch.cat([t, t], dim=-1),
    lambda t: t.movedim(0, -1),
    lambda t: t.requires_grad_(),
    lambda t: nn.Parameter(t),
    lambda t: t.to("meta"),
    lambda t: t.to_sparse(),
    lambda t: t.numpy(),
    lambda t: t.tolist(),
]
NUMBER_TWISTS = [
    *(lambda v, by=by: v + by for by in (1, -1, 0.5)),
    *(lambda v, kind=kind: kind(v) for kind in (float, str, np.int64)),
    *(lambda v, kind=kind: kind(v) for kind in (np.float32, np.array, bool)),
    *(lambda v, by=by: v * by for by in (-1, 0, 1e30, 1e-300, math.nan)),
    *(lambda v, huge=huge: huge for huge in HUGE),
    torch.tensor,
    Decimal,
    lambda v: -HUGE[0],
    lambda v: [v],
    lambda v: (v, v),
    lambda v: {v: v},
    lambda v: complex(v),
    lambda v: math.inf,
]
TEXT_TWISTS = [
    lambda s: "",
    lambda s: s + "x",
    lambda s: s.encode(),
    lambda s: [s],
    lambda s: s + "\0",
    lambda s: s.upper(),
    lambda s: s * 300,
    lambda s: Path(s),
    lambda s: str(Path(s).parent),
    lambda s: s + "/x",
]
LIST_TWISTS = [
    lambda v: v[:0],
    lambda v: v[:-1],
    lambda v: v + v,
    lambda v: tuple(v),
    lambda v: list(v),
    lambda v: iter(v),
    lambda v: type(v)([None, *v[1:]]),
    lambda v: type(v)([*v[:-1], "x"]),
    lambda v: type(v)([v, *v[1:]]),
    lambda v: dict(enumerate(v)),
]
ANSWERS = (
    *(None, "x", 3, 1j, [], [None], math.nan, {}),
    *(np.zeros(2), np.zeros((3, 1)), np.array([math.nan, 1.0])),
    *(np.array([1e308, -1e308]), np.array(["a", "b"]), [[1.0], [1.0, 2.0]]),
    *(_tensor(), _tensor(3, 2), _tensor(3, 2, dtype=torch.int64)),
    *((_tensor(3, 2), None), (_tensor(3, 8, 2), _tensor(1, 3, 4))),
    *(torch.full((3, 2), math.nan), torch.tensor(math.inf), _tensor(0)),
)
FUNCTION_TWISTS = [
    *(lambda f, v=v: Answers(deepcopy(v)) for v in ANSWERS),
    lambda f: raise_own,
    lambda f: own(lambda: 0),
    lambda f: own(int),
    lambda f: own(f.__class__),
]
MODULE_TWISTS = [
    *(lambda m, v=v: Model(deepcopy(v)) for v in ANSWERS),
    *(lambda m, v=v: Streaming(deepcopy(v)) for v in ANSWERS),
    lambda m: m.double(),
    lambda m: m.half(),
    lambda m: m.to("meta"),
    lambda m: m.eval(),
    lambda m: m.requires_grad_(False),
    lambda m: m.state_dict(),
    lambda m: type(m),
    lambda m: nn.Sequential(m),
    lambda m: nn.Sequential(),
    lambda m: Model(None, weights=False),
    lambda m: _weighted(m, math.nan),
    lambda m: _weighted(m, 1e30),
    lambda m: raise_own,
]


def _weighted(module, value):
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(value)
    return module


def _batch(loader):
    return next(iter(loader))


def _loader(dataset):
    return DataLoader(dataset, 5, generator=torch.Generator())


LOADER_TWISTS = [
    *(lambda one, v=v: [v] for v in (None, (), (1, 2), "xy")),
    list,
    iter,
    lambda one: one.dataset,
    lambda one: _loader(one.dataset),
    lambda one: _loader(TensorDataset(_batch(one)[0])),
    lambda one: [],
    lambda one: _batch(one),
    lambda one: [(part.long() for part in _batch(one))],
    lambda one: [[part.long() for part in _batch(one)]],
    lambda one: [[part.double() for part in _batch(one)]],
    lambda one: [[part[:0] for part in _batch(one)]],
    lambda one: [[part[:, :0] for part in _batch(one)]],
    lambda one: [[part[0] for part in _batch(one)]],
    lambda one: [[part.to("meta") for part in _batch(one)]],
    lambda one: [[part * math.nan for part in _batch(one)]],
    lambda one: [[part * 1e38 for part in _batch(one)]],
    lambda one: [[part.numpy() for part in _batch(one)]],
    lambda one: [[*_batch(one), None]],
    lambda one: [_batch(one)[::-1]],
    lambda one: [_batch(one), None],
    lambda one: [[_batch(one)[0], _batch(one)[1][:-1]]],
    lambda one: [[_batch(one)[0], _batch(one)[1][:, :1]]],
]
DICT_TWISTS = [
    *(lambda d, k=k: {**d, k: None} for k in ("lr", "x", 3)),
    *(lambda d, v=v: dict.fromkeys(d, v) for v in (None, "x", 1j, math.nan)),
    lambda d: dict(list(d.items())[1:]),
    lambda d: {},
    lambda d: list(d.items()),
    lambda d: {str(k) * 2: v for k, v in d.items()},
]


def twists_of(value) -> list:
    """Return functions that change one thing about a value."""
    kinds = [
        (np.ndarray, ARRAY_TWISTS),
        (torch.Tensor, TENSOR_TWISTS),
        ((int, float), NUMBER_TWISTS),
        (str, TEXT_TWISTS),
        (dict, DICT_TWISTS),
        ((list, tuple), LIST_TWISTS),
        (DataLoader, LOADER_TWISTS),
        (nn.Module, MODULE_TWISTS),
    ]
    for kind, twists in kinds:
        if isinstance(value, kind) and not isinstance(value, bool):
            return twists
    return FUNCTION_TWISTS if callable(value) else []
