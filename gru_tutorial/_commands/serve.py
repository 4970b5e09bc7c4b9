"""The command ``serve``: an exported model answers over HTTP."""

from __future__ import annotations

from gru_tutorial._commands.codes import UNWRITTEN, USAGE, Stop


def serve(args) -> dict:
    """Answer requests until the process is told to end.

    Parameters
    ----------
    args : argparse.Namespace
        With ``file``, ``host``, ``port`` and ``workers``.

    Raises
    ------
    Stop
        If FastAPI or uvicorn are missing, the file holds no exported model,
        or the address cannot be used.
    """
    try:
        from gru_tutorial import serving
    except ImportError as error:
        raise Stop(UNWRITTEN, str(error)) from None
    try:
        serving.serve(args.file, args.host, args.port, args.workers)
    except ValueError as error:
        name, _, told = str(error).partition(": ")
        if name in ("port", "workers"):
            raise Stop(USAGE, f"--{name}: {told}") from None
        name = {"path": "ONNX", "model": "ONNX"}.get(name, "--host, --port")
        raise Stop(UNWRITTEN, f"{name}: {told}") from None
    return {}
