"""A fuzzer: what it calls the package with, and what counts as a fault.

Every public name is found by ``inspect``; a table of valid values says what
its arguments are, by their names. A call gets valid arguments, but for none,
one or two of them: those are odd, from a pool of anything, or by a twist of
the valid one.
"""

from __future__ import annotations

import contextlib
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
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.utils.data import DataLoader

import gru_tutorial
from gru_tutorial.memory import Recaller
from tests.odd import ODD, Answers, Model, Own, own, twists_of

LIMIT = 20  # seconds of a processor for one call: what takes longer is stuck
PLAIN = (int, float, complex, str, bytes, type(None))


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


def find_targets(left_out: tuple) -> dict[str, Target]:
    """Return all public names that can be called, in most modules."""
    found = []
    for info in pkgutil.walk_packages(gru_tutorial.__path__, "gru_tutorial."):
        home = info.name.removeprefix("gru_tutorial.")
        if home.startswith(left_out) or "._" in info.name:
            continue
        module = importlib.import_module(info.name)
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


# What it is called with


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
        self.fixed = fixed
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
        return str(self.folder / f"{self.rng.integers(10**9)}.pt")

    def tidy(self) -> None:
        """Remove what a call has written: the next may not go on from it."""
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix != ".json":
                path.unlink()

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
        asked = callable(value) or name.endswith(".expected")
        twists = twists_of(value)
        if self.rng.random() < 0.4 or not twists:
            value = self.pick(ODD)()
        else:
            # A twist that does not suit it leaves the value as it was.
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self.pick(twists)(value)
        if callable(value) and asked:
            value = self._as_own(name, value)
        small = self.huge or not isinstance(value, int) or abs(value) < 10**6
        return value if small else None

    def _as_own(self, name: str, value):
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
        named = [one for one in target.parameters if self._is_given(one)]
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

    def _is_given(self, one: inspect.Parameter) -> bool:
        needed = one.default is one.empty and one.kind != one.VAR_KEYWORD
        return needed or self.rng.random() < 0.5


# What counts as a fault


@dataclass(frozen=True)
class Rules:
    """What is apart, by targets; the tests say why."""

    errors: dict  # that are documented, other than ValueError
    warnings: dict  # words of one that is documented
    names: dict  # with which a message may begin, besides an argument's
    draws: set  # those that use PyTorch's generator
    changes: dict  # the arguments that they are there to change
    infinite: set  # whose results may be infinite or nan
    passing: dict  # that do not refuse what is not finite: how large numbers
    # may be for their results to be finite


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
        return value.to_json(date_format="iso")
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
    names |= {*rules.names.get(target.name, ())}
    for name, value in kwargs.items():
        names |= {*map(str, value)} if isinstance(value, dict) else set()
        names |= {str(value)} if name == "name" else set()
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
    head, _, told = str(error).lower().partition(": ")
    words = {head, *re.findall(r"\w+", head)}
    if not words & words_allowed(target, kwargs, rules):
        return f"names no argument: {str(error)[:200]}"
    if not re.search("expected|could not", told):
        return f"says not what was expected: {str(error)[:200]}"
    return None


def is_finite(target, given, rules) -> bool:
    """Tell whether a target must answer with finite numbers, if at all."""
    if target.name in rules.infinite:
        return False
    limit = rules.passing.get(target.name)
    if limit is None:  # what is not finite is refused
        return True
    # What a function answers is passed on, or computed with.
    told = [getattr(value, "answer", None) for value in given.values()]
    return largest([*given.values(), told]) <= limit  # nan is not


def shown(value) -> str:
    """Return a short description of an argument."""
    if torch.is_tensor(value) or isinstance(value, np.ndarray):
        text = " ".join(repr(value).split())
        return f"{tuple(value.shape)} {value.dtype} {text[:80]}"
    text = " ".join(repr(value).split())
    return text if len(text) < 150 else f"{text[:150]}..."


def call(target: Target, pool: Pool, rules: Rules) -> tuple[bool, list]:
    """Call a target once; return whether it succeeded, and its faults."""
    receiver = [pool.receiver(target)] if target.owner else []
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
    documented = rules.warnings.get(target.name, "none at all")
    faults += [f"warns: {text}" for text in said if documented not in text]
    apart = "torch's global generator" if target.name in rules.draws else ""
    moved = [k for k, v in world().items() if v != held[k] and k != apart]
    spared = rules.changes.get(target.name, ())
    moved += [
        f"its argument {k}"
        for k, v in given.items()
        if k not in spared and fingerprint(v) != before[k]
    ]
    faults += [f"changes {what}" for what in moved]
    pool.tidy()
    told = ", ".join(f"{k}={shown(v)}" for k, v in given.items())
    return done, [f"{fault} <- {told}" for fault in faults if fault]


def fuzz(target: Target, pool: Pool, rules: Rules, calls: int, seed: int):
    """Call a target many times; return how often it succeeded, and faults."""
    pool.begin(target, seed)
    outcomes = [call(target, pool, rules) for _ in range(calls)]
    return sum(done for done, _ in outcomes), [
        fault for _, faults in outcomes for fault in faults
    ]
