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
    dense = isinstance(value, Tensor) and value.layout == torch.strided
    if dense and value.is_floating_point() and (
        not ndim or value.ndim in ndim
    ):
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
    sparse = "" if value.layout == torch.strided else f", {value.layout}"
    return f"shape {tuple(value.shape)}, {value.dtype}{sparse}"


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
    if fits and (value.dtype == like.dtype or is_autocast(like.device)):
        return value
    raise ValueError(
        f"{name}: expected shape {shape}, {like.dtype} on {like.device}, got "
        f"{kind_of(value)} on {value.device}"
    )


def is_autocast(device: torch.device) -> bool:
    """Return whether PyTorch converts dtypes as need be on a device.

    Parameters
    ----------
    device : torch.device
        Any.

    Examples
    --------
    >>> is_autocast(torch.device("cpu"))
    False
    """
    kind = device.type
    return torch.amp.is_autocast_available(kind) and (
        torch.is_autocast_enabled(kind)
    )
