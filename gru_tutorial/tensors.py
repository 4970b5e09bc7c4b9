"""Checks of tensors and modules: what ``checks`` does for numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def check_tensor(name: str, value, ndim: tuple[int, ...] = ()) -> Tensor:
    """Return ``value``, if it is a dense tensor of floats.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : Tensor
        What the caller passed.
    ndim : tuple of int
        The ranks allowed; any, if not given.

    Raises
    ------
    ValueError
        If ``value`` is something else, or of another rank or kind.

    Examples
    --------
    >>> check_tensor("x", torch.zeros(3), ndim=(2, 3))
    Traceback (most recent call last):
    ValueError: x: expected a dense 2-D or 3-D Tensor of floats, got shape \
(3,), torch.float32
    """
    dense = isinstance(value, Tensor) and value.layout is torch.strided
    fits = dense and (not ndim or value.ndim in ndim)
    if fits and value.is_floating_point():
        return value
    ranks = " or ".join(f"{n}-D" for n in ndim)
    raise ValueError(
        f"{name}: expected a dense {ranks}{' ' if ranks else ''}Tensor of "
        f"floats, got {kind_of(value)}"
    )


def kind_of(value) -> str:
    """Say what a value is: a tensor's shape and dtype, or a type's name.

    Parameters
    ----------
    value : object
        Anything.

    Examples
    --------
    >>> kind_of(torch.zeros(3)), kind_of(None)
    ('shape (3,), torch.float32', 'NoneType')
    """
    if not isinstance(value, Tensor):
        return type(value).__name__
    kind = f"shape {tuple(value.shape)}, {value.dtype}"
    if value.is_meta:
        return f"{kind} on the meta device"
    return kind if value.layout == torch.strided else f"{kind}, {value.layout}"


def check_module(name: str, value) -> nn.Module:
    """Return ``value``, if it is a module of PyTorch.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : torch.nn.Module
        What the caller passed.

    Raises
    ------
    ValueError
        If ``value`` is anything else, such as a class.

    Examples
    --------
    >>> check_module("model", 3)
    Traceback (most recent call last):
    ValueError: model: expected a torch.nn.Module, got int
    """
    if not isinstance(value, nn.Module):
        raise ValueError(
            f"{name}: expected a torch.nn.Module, got {type(value).__name__}"
        )
    return value


def check_same(name: str, value: Tensor, shape: tuple, like: Tensor) -> Tensor:
    """Return ``value``, if it has this shape, and a tensor's dtype and device.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : Tensor
        What the caller passed.
    shape : tuple of int
        The shape expected.
    like : Tensor
        Of the dtype and on the device that are expected. Autocast converts
        dtypes as need be.

    Raises
    ------
    ValueError
        If ``value`` is no tensor, or differs.

    Examples
    --------
    >>> check_same("y", torch.zeros(3, 1), (3, 2), torch.zeros(1))
    Traceback (most recent call last):
    ValueError: y: expected shape (3, 2), torch.float32 on cpu, got shape \
(3, 1), torch.float32 on cpu
    """
    check_tensor(name, value)
    shape = tuple(shape)
    fits = value.shape == shape and value.device == like.device
    if fits and (value.dtype is like.dtype or _is_autocast(like.device)):
        return value
    raise ValueError(
        f"{name}: expected shape {shape}, {like.dtype} on {like.device}, got "
        f"{kind_of(value)} on {value.device}"
    )


def _is_autocast(device: torch.device) -> bool:
    """Return whether PyTorch converts dtypes as need be on a device."""
    kind = device.type
    return torch.amp.is_autocast_available(kind) and (
        torch.is_autocast_enabled(kind)
    )


def build_layer(names: str, layer, *sizes: int, **options) -> nn.Module:
    """Return a layer, if there is memory enough for it.

    Parameters
    ----------
    names : str
        Of the arguments that say its sizes, for the message.
    layer : callable
        A class of modules.
    *sizes, **options
        What it is called with.

    Raises
    ------
    ValueError
        If PyTorch cannot make it.

    Examples
    --------
    >>> build_layer("size", nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    try:
        return layer(*sizes, **options)
    except (RuntimeError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(
            f"{names}: expected sizes that fit into memory, got {sizes} "
            f"({error})"
        ) from None


def _shape_of(value):
    shaped = isinstance(value, Tensor)
    return tuple(value.shape) if shaped else type(value).__name__


def _check_kind(name: str, value: Tensor, dtype, device) -> None:
    if value.layout != torch.strided:
        raise ValueError(
            f"{name}: expected a dense Tensor, got {value.layout}"
        )
    if _is_autocast(device) and value.is_floating_point():
        dtype = value.dtype  # it is converted there as need be
    if value.dtype != dtype or value.device != device:
        raise ValueError(
            f"{name}: expected {dtype} on {device}, got {value.dtype} on "
            f"{value.device}; {name}.to(device, dtype) converts it"
        )


def _check_batch(x: Tensor, features: int) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(
            f"x: expected a Tensor, got {type(x).__name__}; "
            f"torch.as_tensor makes one"
        )
    if x.ndim == 3 and x.shape[-1] == features and 0 not in x.shape:
        return
    mend = ""
    if 0 in x.shape:
        mend = "; it is empty"
    elif x.ndim == 2 and x.shape[-1] == features:
        mend = "; for one window: x.unsqueeze(0)"
    elif x.ndim == 2 and features == 1:
        mend = "; for windows of one feature: x.unsqueeze(-1)"
    raise ValueError(
        f"x: expected shape (batch, time, {features}), got "
        f"{tuple(x.shape)}{mend}"
    )
