"""A fuzzer: what it calls the package with, and what counts as a fault.

Every public name is found by ``inspect``; ``VALID`` says what its arguments
are, by their names. A call gets valid arguments, but for none, one or two of
them: those are odd, from a pool of anything, or by a twist of the valid one.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import importlib
import inspect
import io
import math
import os
import pkgutil
import random
import re
import signal
import threading
import warnings
import zlib
from copy import deepcopy
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gru_tutorial
from gru_tutorial.memory import Recaller

HUGE = (2**62, 2**63, 10**30)
LIMIT = 20  # seconds of a processor for one call: what takes longer is stuck
PLAIN = (int, float, complex, str, bytes, type(None))


class Own(Exception):
    """An error of the caller's own function: it is to come through."""


# What is called


@dataclass(frozen=True)
class Target:
    """A public function, class, method or property."""

    name: str  # such as "windows.Scaler.fit"
    function: object
    owner: type | None = None  # the class, if it is called on an object

    @property
    def parameters(self) -> list[inspect.Parameter]:
        found = list(inspect.signature(self.function).parameters.values())
        return found[1:] if self.owner else found


def find_targets(left_out: tuple = ()) -> dict[str, Target]:
    """Return all public names of the package that can be called."""
    found = []
    for info in pkgutil.walk_packages(gru_tutorial.__path__, "gru_tutorial."):
        module = importlib.import_module(info.name)
        home = info.name.removeprefix("gru_tutorial.")
        if home.startswith("_"):
            continue
        if home.startswith(left_out) or "._" in info.name:
            continue
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == info.name
            if own and not name.startswith("_") and callable(thing):
                found += _targets_of(f"{home}.{name}", thing)
    return {target.name: target for target in found}


def _targets_of(name: str, thing) -> list[Target]:
    if not inspect.isclass(thing):
        return [Target(name, thing)]
    protocol = getattr(thing, "_is_protocol", False)
    if protocol or issubclass(thing, torch.autograd.Function):
        return []  # describes others; is called by PyTorch alone
    found = [Target(name, thing)]
    for key in dir(thing):
        home = next((c for c in thing.__mro__ if key in vars(c)), object)
        public = not key.startswith("_") or key == "__call__"
        if not (public and home.__module__.startswith("gru_tutorial")):
            continue
        part = vars(home)[key]
        if isinstance(part, classmethod):
            found.append(Target(f"{name}.{key}", getattr(thing, key)))
        elif isinstance(part, property):
            found.append(Target(f"{name}.{key}", part.fget, thing))
        elif inspect.isfunction(part):
            found.append(Target(f"{name}.{key}", part, thing))
    return found


# What it is called with: anything at all


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


class Pool:
    """Draws the arguments of calls.

    Parameters
    ----------
    valid : dict
        What makes a valid value, by the names of parameters. The longest name
        counts that fits: "GRUModel.step.x", "step.x", "x".
    folder : pathlib.Path
        For files.
    fixed : callable
        Whether a parameter of a target is never odd.
    huge : bool
        Whether numbers may be huge. Without its checks, the package would
        fill the memory with them.
    """

    def __init__(self, valid, folder: Path, fixed, huge: bool = True):
        self.valid_makers, self.folder, self.huge = valid, folder, huge
        self.fixed, self.files = fixed, 0
        self.rng = np.random.default_rng(0)

    def begin(self, target: Target, seed: int) -> None:
        """Start anew: what is drawn depends on the target and a seed."""
        self.rng = np.random.default_rng(
            [seed, zlib.crc32(target.name.encode())]
        )

    def pick(self, options):
        return options[self.rng.integers(len(options))]

    def path(self) -> str:
        """Return a new file's path."""
        self.files += 1
        return str(self.folder / f"file{self.files}")

    def valid(self, name: str):
        """Make a valid value for a parameter."""
        parts = name.split(".")
        for k in range(len(parts)):
            maker = self.valid_makers.get(".".join(parts[k:]))
            if maker is not None:
                return maker(self)
        raise LookupError(f"the fuzzer knows no valid value for {name}")

    def receiver(self, target: Target):
        """Return an object that has a target as its method."""
        home, _, method = target.name.rpartition(".")
        special = f"{home.rpartition('.')[2]}.{method}.self"
        known = special in self.valid_makers
        return self.valid(special if known else f"{home}.self")

    def odd(self, name: str):
        """Return an odd value: anything, or the valid one with a change."""
        value = self.valid(name)
        twists = twists_of(value)
        if self.rng.random() < 0.4 or not twists:
            value = self.pick(ODD)()
        else:
            # a twist of another kind of value gives the value as it was
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self.pick(twists)(value)
        if callable(value) and callable(self.valid(name)):
            value = self.as_own(name, value)
        small = self.huge or not isinstance(value, int) or abs(value) < 10**6
        return value if small else None

    def as_own(self, name: str, value):
        """Return an odd function such that its errors are its own.

        Models of the package are left as they are, where a model is asked
        for, as are functions that give an answer.
        """
        apart = [Answers, Model]
        if name.endswith((".model", ".module", ".gru")):
            apart += [gru_tutorial.GRUModel, Recaller]
        return value if isinstance(value, tuple(apart)) else own(value)

    def arguments(self, target: Target) -> tuple[list, dict]:
        """Draw what a target is called with."""
        kinds = inspect.Parameter
        named = []
        for one in target.parameters:
            needed = one.default is kinds.empty and one.kind != one.VAR_KEYWORD
            if needed or self.rng.random() < 0.5:
                named.append(one)
        loose = [p for p in named if not self.fixed(target, p.name)]
        count = min(len(loose), self.pick([0, 1, 1, 1, 2]))
        chosen = self.rng.permutation(len(loose))[:count]
        odd = {loose[k].name for k in chosen}
        args, kwargs = [], {}
        in_order = any(one.kind == one.VAR_POSITIONAL for one in named)
        for one in named:
            make = self.odd if one.name in odd else self.valid
            name = f"{target.name}.{one.name}"
            if one.kind == one.VAR_KEYWORD:
                key = self.pick(sorted(self.valid(name)))
                make = self.valid if self.fixed(target, key) else make
                kwargs[key] = make(f"{name}.{key}")
            elif one.kind == one.VAR_POSITIONAL:
                value = make(name)
                args += value if isinstance(value, tuple) else [value]
            elif in_order:
                args.append(make(name))
            else:
                kwargs[one.name] = make(name)
        return args, kwargs


# What counts as a fault


@dataclass(frozen=True)
class Rules:
    """What is apart, for reasons that the tests give."""

    errors: dict  # documented errors other than ValueError, by target
    warnings: dict  # documented words of a warning, by target
    names: dict  # documented first words of a message, by target
    draws: set  # targets that draw from PyTorch's generator
    changes: dict  # arguments that a target is there to change
    infinite: set  # targets whose results may be infinite or nan
    largest: dict  # numbers up to which a target's results are finite


def fingerprint(value, depth: int = 0):
    """Return what must not change about an argument."""
    deep = depth < 6
    if torch.is_tensor(value):
        kind = value.shape, value.dtype, value.requires_grad, value.layout
        if value.is_meta or value.layout != torch.strided:
            return kind
        raw = value.detach().flatten().contiguous().view(torch.uint8)
        return *kind, value.grad is not None, raw.numpy().tobytes()
    if isinstance(value, np.ndarray):
        array = np.ma.getdata(value)
        plain = array.dtype.kind != "O"
        content = array.tobytes() if plain else repr(array)
        return value.shape, value.dtype.str, value.flags.writeable, content
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return value.to_json()
    if isinstance(value, (list, tuple)) and deep:
        return [fingerprint(part, depth + 1) for part in value]
    if isinstance(value, dict) and deep:
        return {k: fingerprint(part, depth + 1) for k, part in value.items()}
    if isinstance(value, DataLoader):
        return fingerprint(getattr(value.dataset, "tensors", None), depth + 1)
    ours = type(value).__module__.startswith("gru_tutorial")
    if (ours or isinstance(value, nn.Module)) and deep:
        return fingerprint(getattr(value, "__dict__", None), depth + 1)
    return type(value).__name__


def largest(value, depth: int = 0) -> float:
    """Return the largest size among a value's numbers; nan if one is nan."""
    if isinstance(value, (bool, str, bytes)) or depth > 5:
        return 0.0
    if isinstance(value, (int, float, complex, Decimal, Fraction, np.number)):
        try:
            return float(abs(value))
        except OverflowError:
            return math.inf
    if torch.is_tensor(value):
        holds = not value.is_meta and value.layout == torch.strided
        wide = value.detach().to(torch.complex128) if holds else torch.empty(0)
        return largest(wide.numpy(), depth)
    if isinstance(value, np.ndarray):
        value = np.ma.getdata(value)
        numbers = value.dtype.kind in "fc" and value.size
        return float(np.abs(value).max()) if numbers else 0.0
    sizes = [largest(part, depth + 1) for part in _parts_of(value)]
    return math.nan if any(map(math.isnan, sizes)) else max([0.0, *sizes])


def _parts_of(value):
    """Return what a value consists of."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, pd.DataFrame):
        return [value[name].to_numpy() for name in value]
    if isinstance(value, pd.Series):
        return value.tolist()
    if isinstance(value, nn.Module):
        return list(value.parameters())
    ours = type(value).__module__.startswith("gru_tutorial")
    return list(getattr(value, "__dict__", {}).values()) if ours else []


def world() -> dict:
    """Return what belongs to everybody, and no call may change."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    return {
        "NumPy's global generator": (numpy_state[1].tobytes(), numpy_state[2]),
        "torch's global generator": torch.get_rng_state().numpy().tobytes(),
        "random's global generator": random.getstate(),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "NumPy's error state": np.geterr(),
        "working folder": os.getcwd(),
    }


class Stuck(BaseException):
    """A call that takes far too long."""


@contextlib.contextmanager
def guarded():
    """Keep what a call prints, and end it if it is stuck."""

    def end(*args):
        raise Stuck

    watched = hasattr(signal, "setitimer") and (
        threading.current_thread() is threading.main_thread()
    )
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        if watched:
            before = signal.signal(signal.SIGVTALRM, end)
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
        try:
            yield
        finally:
            if watched:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                signal.signal(signal.SIGVTALRM, before)
            plt.close("all")


def _entered(result, kwargs):
    """Run through a block, if the result is for one."""
    if not isinstance(result, contextlib._GeneratorContextManager):
        return result
    kind = kwargs.get("kind")
    with result:
        if inspect.isclass(kind) and issubclass(kind, Warning):
            warnings.warn("on purpose", kind, stacklevel=1)
        elif inspect.isclass(kind):
            raise kind("on purpose")
    return None


def words_allowed(target: Target, kwargs: dict, rules: Rules) -> set:
    """Return the words of which a message's beginning must have one."""
    names = {p.name for p in target.parameters} | {*kwargs}
    if target.owner:
        made = inspect.signature(target.owner).parameters
        names |= {*made, target.owner.__name__}
    if "recipe" in names:
        names |= {field.name for field in fields(gru_tutorial.Recipe)}
    names |= {*rules.names.get(target.name, ()), str(kwargs.get("name"))}
    for value in kwargs.values():
        names |= {*map(str, value)} if isinstance(value, dict) else set()
    return {name.lower() for name in names}


def fault_of_error(error, target, kwargs, rules) -> str | None:
    """Say what is wrong with an error, if anything."""
    if isinstance(error, Own):
        return None
    documented = rules.errors.get(target.name, ())
    if documented and isinstance(error, documented):
        return None
    if type(error) not in (ValueError, FloatingPointError):
        return f"raises {type(error).__name__}: {str(error)[:200]}"
    head, colon, _ = str(error).partition(": ")
    allowed = words_allowed(target, kwargs, rules)
    if not colon or not ({*re.findall(r"\w+", head.lower()), head.lower()} & allowed):
        return f"names no argument: {str(error)[:200]}"
    return None


def is_finite(target, given, rules) -> bool:
    """Tell whether a target must answer with finite numbers, if at all."""
    if target.name in rules.infinite:
        return False
    limit = rules.largest.get(target.name)
    if limit:  # what a function answers is passed on, or computed with
        told = [getattr(value, "answer", None) for value in given.values()]
        given = {**given, "answers": told}
    return largest(given) <= (limit or np.finfo(float).max)  # nan is not


def shown(value) -> str:
    """Return a short description of an argument."""
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        text = " ".join(repr(value).split())
        return f"{tuple(value.shape)} {value.dtype} {text[:80]}"
    text = " ".join(repr(value).split())
    return text if len(text) < 150 else f"{text[:150]}..."


def call(target: Target, pool: Pool, rules: Rules) -> tuple[bool, list]:
    """Call a target once; return whether it succeeded, and its faults."""
    receiver = []
    if target.owner:
        receiver = [pool.receiver(target)]
    args, kwargs = pool.arguments(target)
    given = dict(enumerate([*receiver, *args])) | kwargs
    before, held = {k: fingerprint(v) for k, v in given.items()}, world()
    finite, faults, done = is_finite(target, given, rules), [], False
    with guarded(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = target.function(*receiver, *args, **kwargs)
            result = _entered(result, kwargs)
            done = True
        except Stuck:
            faults.append("is stuck")
        except Exception as error:  # this is what it looks for
            faults.append(fault_of_error(error, target, kwargs, rules))
    if done and finite and not math.isfinite(largest(result)):
        faults.append(f"returns {largest(result)}")
    said = [str(one.message) for one in caught]
    told = rules.warnings.get(target.name, "none")
    faults += [f"warns: {text}" for text in said if told not in text]
    moved = [k for k, v in world().items() if v != held[k]]
    if target.name in rules.draws:
        moved = [k for k in moved if k != "torch's global generator"]
    faults += [f"changes {k}" for k in moved]
    spared = rules.changes.get(target.name, ())
    for name, value in given.items():
        if name not in spared and fingerprint(value) != before[name]:
            faults.append(f"changes its argument {name}")
    told = ", ".join(f"{k}={shown(v)}" for k, v in given.items())
    return done, [f"{fault} <- {told}" for fault in faults if fault]


def fuzz(target: Target, pool: Pool, rules: Rules, calls: int, seed: int):
    """Call a target many times; return how often it succeeded, and faults."""
    pool.begin(target, seed)
    outcomes = [call(target, pool, rules) for _ in range(calls)]
    return sum(done for done, _ in outcomes), [
        fault for _, faults in outcomes for fault in faults
    ]
