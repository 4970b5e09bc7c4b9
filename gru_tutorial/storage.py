"""One file, written whole or not at all, and refused if a bit has changed."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from pathlib import Path

import torch

MARK = b"gru_tutorial "


def check_destination(name: str, path) -> Path:
    """Return a path, if a file can be written there.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    path : str or pathlib.Path
        The file; its folder must exist.

    Raises
    ------
    ValueError
        If the path is none, or a folder, or its folder cannot be written to.

    Examples
    --------
    >>> check_destination("checkpoint", 5)
    Traceback (most recent call last):
    ValueError: checkpoint: expected a file's path, got 5
    """
    found = _as_path(name, path)
    try:
        if found.is_dir() or not found.parent.is_dir():
            raise ValueError("that is none")
        trial = _beside(found)
        trial.touch()
        trial.unlink()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name}: expected a file in a folder that exists and can be "
            f"written to, got {str(path)!r} ({error})"
        ) from None
    return found


def _as_path(name: str, path) -> Path:
    usable = isinstance(path, (str, os.PathLike)) and os.fspath(path)
    if not usable or not isinstance(os.fspath(path), str):
        raise ValueError(f"{name}: expected a file's path, got {path!r}")
    return Path(path)


def _check_kind(kind) -> str:
    if not (isinstance(kind, str) and kind.isascii() and kind.isprintable()):
        raise ValueError(
            f"kind: expected a word and a number, such as 'run 2', got "
            f"{kind!r}"
        )
    return kind


def _beside(path: Path) -> Path:
    """Return a name in the same folder that no other writer uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old one, or the new one.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    data : bytes
        All of it.

    Raises
    ------
    ValueError
        If ``path`` is none, or ``data`` are no bytes.
    OSError
        If the disk is full, or the like. The old file is as it was.
    """
    path = _as_path("path", path)
    if not isinstance(data, bytes):
        raise ValueError(f"data: expected bytes, got {type(data).__name__}")
    new = _beside(path)
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def write_whole(path: Path, kind: str, state: dict) -> None:
    """Write plain values and tensors, with a digest of them.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    kind : str
        What it holds, with the number of its format: one word and a number.
    state : dict
        Plain values and tensors by name.

    Raises
    ------
    ValueError
        If ``path`` is none, or ``state`` holds what cannot be stored.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "kept.pt")
    ...     write_whole(path, "test 1", {"x": torch.ones(2)})
    ...     read_whole("path", path, "test 1")
    {'x': tensor([1., 1.])}
    """
    kind, memory = _check_kind(kind), io.BytesIO()
    try:
        torch.save(state, memory)
    except Exception as error:  # pickling raises what it pleases
        raise ValueError(
            f"state: expected plain values and tensors, got {error}"
        ) from None
    data = memory.getvalue()
    digest = hashlib.sha256(data).digest()
    write_bytes(path, MARK + kind.encode() + b"\n" + digest + data)


def read_whole(name: str, path, kind: str) -> dict:
    """Read what ``write_whole`` wrote, onto the CPU, without running code.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    path : str or pathlib.Path
        The file.
    kind : str
        What it must hold.

    Raises
    ------
    ValueError
        If there is no such file, it holds something else, a single bit of it
        has changed, or it was cut short.
    """
    path, kind = _as_path(name, path), _check_kind(kind)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name}: could not read {str(path)!r} ({error})"
        ) from None
    head, _, rest = content.partition(b"\n")
    if head != MARK + kind.encode():
        other = head.removeprefix(MARK).decode("ascii", "replace")[:20]
        what = f"{other!r}" if head.startswith(MARK) else "something else"
        raise ValueError(
            f"{name}: expected a file of the kind {kind!r}, but {path.name} "
            f"holds {what}"
        )
    digest, data = rest[:32], rest[32:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError(
            f"{name}: expected a whole file, but {path.name} is damaged or "
            f"cut short; move it away to start anew"
        )
    try:
        return torch.load(
            io.BytesIO(data), weights_only=True, map_location="cpu"
        )
    except Exception as error:  # torch.load raises a dozen kinds
        raise ValueError(
            f"{name}: {path.name} is whole, but this version of PyTorch, "
            f"{torch.__version__}, does not read it ({error})"
        ) from error
