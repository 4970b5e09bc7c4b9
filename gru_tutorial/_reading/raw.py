"""A file's bytes as text: compression, encoding, and what is no text."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import zipfile
import zlib
from pathlib import Path

from gru_tutorial._reading.problems import refuse

MAX_BYTES = 32 * 2**20  # unpacked; with what is made of it some 2 GB
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save it as CSV"),
    (b"%PDF", "a PDF; export the table as CSV"),
    (b"SQLite format 3", "a database; export the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\x89HDF", "an HDF5 file; export the table as CSV"),
    (b"\x93NUMPY", "a NumPy array; save it with numpy.savetxt"),
)
PACKED = (
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
)
BROKEN = (
    *(OSError, EOFError, RuntimeError, NotImplementedError, ValueError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def as_path(path) -> Path:
    """Return a path, or say that it is none."""
    usable = isinstance(path, (str, os.PathLike)) and os.fspath(path)
    if not usable or not isinstance(os.fspath(path), str):
        raise ValueError(f"path: expected a file's path, got {path!r}")
    if "\0" in os.fspath(path):
        raise ValueError(f"path: expected a file's path, got {str(path)!r}")
    return Path(path)


def read_bytes(path: Path) -> bytes:
    """Return all bytes of a file, up to ``MAX_BYTES``."""
    try:
        missing = _no_file(path)
        if not missing:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        missing = f"could not be read ({error.strerror or error})"
    if missing:
        refuse(str(path), "no file", missing)
    return _checked(path.name, data)


def _no_file(path: Path) -> str:
    """Say what a path leads to, if it is no file."""
    if re.match("[a-z0-9]{2,}:/", str(path)):
        return "expected a file on this machine; download it first"
    if path.is_dir():
        return "expected a file, got a folder"
    if path.exists() and not path.is_file():
        return "expected a regular file"
    return ""


def _checked(name: str, data: bytes) -> bytes:
    """Return data that are not too long, and not empty."""
    if len(data) > MAX_BYTES:
        refuse(
            name,
            "too large",
            f"expected at most {MAX_BYTES // 2**20} MB unpacked, got more; "
            f"keep fewer columns, or a mean by hour",
        )
    if not data:
        refuse(name, "empty", "expected rows of numbers, got an empty file")
    return data


def unpack(name: str, data: bytes, done: list[str]) -> bytes:
    """Return what a compressed file holds; other files as they are."""
    for magic, what in FOREIGN:
        if data.startswith(magic):
            refuse(name, "no text", f"expected text, got {what}")
    for magic, kind, opened in PACKED:
        if data.startswith(magic):
            data = _unpacked(name, kind, opened, io.BytesIO(data))
            done.append(f"unpacked with {kind}")
            break
    else:
        if data.startswith(b"PK\x03\x04"):
            data = _from_zip(name, data, done)
    if data[257:262] == b"ustar":
        refuse(
            name,
            "no text",
            "expected one file, got a tar archive; unpack it first",
        )
    return data


def _unpacked(name: str, kind: str, opened, packed) -> bytes:
    try:
        with opened(packed) as file:
            data = file.read(MAX_BYTES + 1)
    except BROKEN as error:
        refuse(
            name,
            "damaged",
            f"expected a whole {kind} file, but it could not be unpacked "
            f"({error})",
        )
    return _checked(name, data)


def _from_zip(name: str, data: bytes, done: list[str]) -> bytes:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        names = archive.namelist()
    except BROKEN as error:
        refuse(name, "damaged", f"expected a whole zip file ({error})")
    if "[Content_Types].xml" in names:
        refuse(
            name,
            "no text",
            "expected text, got an Excel workbook; save it as CSV",
        )
    files = [one for one in names if not one.endswith("/")]
    files = [one for one in files if not one.startswith("__MACOSX/")]
    if len(files) != 1:
        held = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
        refuse(
            name,
            "several files",
            f"expected a zip of one file, got {len(files)} ({held}); unpack "
            f"it first",
        )
    done.append(f"unpacked {files[0]} from zip")
    return _unpacked(name, "zip", archive.open, files[0])


def decode(name: str, data: bytes, encoding, done: list[str]) -> str:
    """Return the text; by its byte order mark, as UTF-8, or as cp1252."""
    text, told = _decoded(name, data, encoding)
    found = CONTROL.search(text)
    if found:
        row = text.count("\n", 0, found.start()) + 1
        _binary(name, row, ord(found.group()))
    if told:
        done.append(told)
    if not text.strip():
        refuse(name, "empty", "expected rows of numbers, got blanks alone")
    return text


def _binary(name: str, row: int, byte: int) -> None:
    told = f"expected text, got the byte {byte:#04x}: is this a binary file?"
    refuse(name, "no text", told, row=row)


def _decoded(name: str, data: bytes, encoding) -> tuple[str, str]:
    if encoding is not None:
        return _as(name, data, encoding, "encoding"), f"read as {encoding}"
    for mark, kind in BOMS:
        if data.startswith(mark):
            text = _as(name, data[len(mark) :], kind, None)
            return text, f"read as {kind.upper()}, by its byte order mark"
    found = BYTES.search(data)
    if found:
        row = data.count(b"\n", 0, found.start()) + 1
        _binary(name, row, data[found.start()])
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        refuse(
            name,
            "no text",
            f"expected text in UTF-8 or Windows-1252, got the byte "
            f"{data[error.start]:#04x}",
            row=row,
            repairs=("--encoding NAME",),
        )
    return text, (
        f"read as Windows-1252: row {row} holds the byte {byte:#04x}, so it "
        f"is not UTF-8"
    )


def _as(name: str, data: bytes, encoding: str, argument: str | None) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        row = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        refuse(name, "no text", f"expected text in {encoding}", row=row)
    except (LookupError, TypeError, ValueError):
        raise ValueError(
            f"{argument}: expected an encoding that Python knows, such as "
            f"latin-1, got {encoding!r}"
        ) from None
