"""The command ``export``: a kept forecaster becomes an ONNX file."""

from __future__ import annotations

from pathlib import Path

from gru_tutorial._commands.codes import UNWRITTEN, USAGE, Stop


def export(args) -> dict:
    """Write what is asked for; return what it is, in plain values.

    Parameters
    ----------
    args : argparse.Namespace
        With ``file``, ``out``, ``quiet`` and ``json``.

    Raises
    ------
    Stop
        If the file holds no forecaster, it cannot be exported, or nothing can
        be written there.
    """
    if Path(args.file).resolve() == Path(args.out).resolve():
        raise Stop(USAGE, "--out: expected another file than MODEL")
    from gru_tutorial.export import TOLERANCE, export_onnx, metadata_of
    from gru_tutorial.forecaster import Forecaster
    from gru_tutorial.storage import check_destination

    try:
        check_destination("--out", args.out)
        forecaster = _loaded(args.file, Forecaster)
        export_onnx(forecaster, args.out)
    except (ValueError, OSError) as error:
        raise Stop(UNWRITTEN, str(error)) from None
    told = metadata_of(forecaster)
    size = Path(args.out).stat().st_size
    if not (args.quiet or args.json):
        sees = "all steps" if told["window"] is None else f"{told['window']}"
        print(f"{forecaster}: {told['head']}, sees {sees}")
        print(f"compared: the same forecasts within {TOLERANCE:g}")
        print(f"written: {args.out} ({size:,} bytes)")
    return {"file": args.file, "out": args.out, "bytes": size} | told


def _loaded(path: str, kind):
    """Return the forecaster that a file holds."""
    try:
        return kind.load(path)
    except ValueError as error:
        told = str(error).removeprefix("path: ")
        if "'verdict" in told:
            told += "; --save of the command forecast keeps a comparison"
        raise ValueError(f"MODEL: {told}") from None
