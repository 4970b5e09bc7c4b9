"""An exported model behind HTTP: forecasts for whoever can send JSON.

Needs the extra ``serve``: FastAPI and uvicorn. PyTorch is not loaded.
"""

import asyncio
import json
import os
import socket
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np

from gru_tutorial._runtime import forecast_onnx, open_onnx
from gru_tutorial.checks import check_int

try:
    import uvicorn
    from fastapi import FastAPI, HTTPException
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import Response
    from pydantic import BaseModel, ConfigDict, Field, model_validator
    from starlette.exceptions import HTTPException as AnyHTTPException
    from uvicorn.supervisors import Multiprocess
except ImportError as missing:
    raise ImportError(
        f"serve: expected FastAPI and uvicorn, which pip install "
        f"'gru-tutorial[serve]' brings, got {missing!r}"
    ) from None

MAX_BYTES = 10**6  # of a body: some 50,000 numbers
MAX_SERIES, MAX_STEPS, MAX_AHEAD = 1000, 100_000, 1000
PATIENCE = 30  # seconds in which a body has to come
ERRORS = 3  # that an answer tells of
WHERE = "GRU_TUTORIAL_MODEL"  # the model's path, for workers
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Served:
    """An exported model, and what can be asked of it.

    Parameters
    ----------
    path : str or pathlib.Path
        What ``Forecaster.export`` wrote.

    Raises
    ------
    ValueError
        If it is none, or was trained with a scale for each series, which a
        request does not bring.
    """

    def __init__(self, path):
        self.session = open_onnx(path)
        told = self.session.get_modelmeta().custom_metadata_map
        try:
            self.told = {k: json.loads(value) for k, value in told.items()}
            self.features = self.told["features"]
            self.shortest = self.told["shortest"]
            self.horizon = self.told["horizon"]
            self.longest = self._longest()
            by_series = self.told["scaler"]["of_each"] == "series"
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"path: expected what Forecaster.export wrote, got a model "
                f"whose metadata lack {error}"
            ) from None
        if by_series:
            raise ValueError(
                "path: expected a model with one scale, got one with a scale "
                "for each series of its training"
            )

    def _longest(self) -> int:
        """Return how many steps can be asked for."""
        recursive = self.told["strategy"] == "recursive"
        unbounded = self.told["head"] == "Seq2Seq" and not recursive
        if unbounded or self.told["goes_on"]:
            return max(MAX_AHEAD, self.horizon)
        return 1 if recursive else self.horizon

    def __call__(self, histories: list, horizon: int) -> list:
        """Forecast what follows each history; alike lengths go together."""
        alike = defaultdict(list)
        for k, one in enumerate(histories):
            alike[len(one)].append(k)
        found = [None] * len(histories)
        for places in alike.values():
            batch = np.array([histories[k] for k in places], np.float64)
            batch = batch.reshape(*batch.shape[:2], self.features)
            y_hat = forecast_onnx(self.session, batch, horizon)
            if not np.isfinite(y_hat).all():
                raise ValueError("expected numbers whose forecast is finite")
            y_hat = y_hat[..., 0] if y_hat.shape[2] == 1 else y_hat
            for place, one in zip(places, y_hat.tolist(), strict=True):
                found[place] = one
        return found


def question_of(served: Served) -> type[BaseModel]:
    """Return what a request's body has to be, for one model.

    Parameters
    ----------
    served : Served
        Knows how many columns there are, and how many steps it needs.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(features=1, shortest=2, horizon=3, longest=3)
    >>> question_of(model).model_validate({"history": [1, 2.5]}).horizon
    3
    """
    row, columns = Number, served.features
    if columns > 1:
        size = {"min_length": columns, "max_length": columns}
        row = Annotated[list[Number], Field(fail_fast=True, **size)]
    size = {"min_length": served.shortest, "max_length": MAX_STEPS}
    one = Annotated[list[row], Field(fail_fast=True, **size)]
    size = {"min_length": 1, "max_length": MAX_SERIES}
    several = Annotated[list[one], Field(fail_fast=True, **size)]
    ahead = Annotated[int, Field(ge=1, le=served.longest)]

    class Question(BaseModel):
        """One history, or several, and how many steps ahead."""

        model_config = ConfigDict(extra="forbid", strict=True)
        history: one | None = None
        histories: several | None = None
        horizon: ahead = served.horizon

        @model_validator(mode="after")
        def _check_one(self):
            if (self.history is None) == (self.histories is None):
                raise ValueError("expected either history or histories")
            return self

    return Question


class BodyLimit:
    """Refuse a body that is too long before it is read as a whole.

    Parameters
    ----------
    app : callable
        The application behind it, as ASGI has it.
    most : int
        Bytes.
    """

    def __init__(self, app, most: int):
        self.app, self.most = app, most

    async def __call__(self, scope, receive, send):
        """Read the body up to the limit, and hand it on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            async with asyncio.timeout(PATIENCE):
                body = await self._body(scope, receive)
        except TimeoutError:
            told = f"body: expected it within {PATIENCE} s"
            return await _answer(408, told)(scope, receive, send)
        if body is None:
            told = f"body: expected at most {self.most} bytes"
            return await _answer(413, told)(scope, receive, send)
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay():
            return parts.pop() if parts else await receive()

        return await self.app(scope, replay, send)

    async def _body(self, scope, receive) -> bytes | None:
        """Return all of a body; None if it is longer than allowed."""
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared[:20]) > self.most:
            return None
        body, more = bytearray(), True
        while more and len(body) <= self.most:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return None if len(body) > self.most else bytes(body)


def _as_json(status: int, content: dict, headers: dict | None = None):
    """Return an answer; names that a client made up stay ASCII."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    kind = "application/json"
    return Response(text, status, headers=headers, media_type=kind)


def _answer(status: int, told: str):
    """Return an error after which the connection ends."""
    return _as_json(status, {"error": told}, {"connection": "close"})


async def _refused(request, error: RequestValidationError):
    """Say what was wrong with a body, and where."""
    told = []
    for one in error.errors()[:ERRORS]:
        where = ".".join(str(part)[:40] for part in one["loc"])
        told.append(f"{where}: {one['msg'][:200]}")
    return _as_json(422, {"error": "; ".join(told)})


async def _failed(request, error: AnyHTTPException):
    """Say that there is no such page, or no such method."""
    told = {"error": str(error.detail)}
    return _as_json(error.status_code, told, error.headers)


def make_app(path, max_bytes: int = MAX_BYTES) -> FastAPI:
    """Return the application that answers with an exported model.

    ``POST /forecast`` takes ``{"history": [...], "horizon": 24}``, or several
    ``histories``, and answers ``{"forecast": [...]}``, or ``forecasts``; of
    many columns, each step is a list. ``GET /health`` tells what the model is.
    Whatever else comes is answered by 4xx and ``{"error": "..."}``.

    Parameters
    ----------
    path : str or pathlib.Path
        What ``Forecaster.export`` wrote.
    max_bytes : int
        Of a request's body; longer ones are refused before they are read.

    Raises
    ------
    ValueError
        If ``path`` is no such file.

    Examples
    --------
    >>> import tempfile
    >>> from gru_tutorial import Forecaster, GRUModel, Scaler
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     forecaster = Forecaster(GRUModel(), Scaler(5.0, 2.0))
    ...     forecaster.export(f"{folder}/gru.onnx")
    ...     app = make_app(f"{folder}/gru.onnx")
    >>> sorted(app.openapi()["paths"])
    ['/forecast', '/health']
    """
    served = Served(path)
    most = check_int("max_bytes", max_bytes, 1)
    question = question_of(served)
    app = FastAPI(
        title="Forecasts",
        docs_url=None,  # pages that load from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(BodyLimit, most=most)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(AnyHTTPException, _failed)

    @app.post("/forecast")
    def forecast(body: question):
        """Forecast what follows one history, or each of several."""
        single = body.history is not None
        histories = [body.history] if single else body.histories
        try:
            found = served(histories, body.horizon)
        except ValueError as error:
            raise HTTPException(422, f"body: {error}") from None
        named = {"forecast": found[0]} if single else {"forecasts": found}
        return _as_json(200, named)

    @app.get("/health")
    def health():
        """Tell that it is there, and what it forecasts."""
        names = ("columns", "features", "target", "shortest", "horizon")
        told = {name: served.told[name] for name in names}
        return _as_json(200, {"status": "ok", **told})

    return app


def app_of_worker() -> FastAPI:
    """Return the application in one of several processes."""
    return make_app(os.environ[WHERE])


def serve(
    path, host: str = "127.0.0.1", port: int = 8000, workers: int = 1
) -> None:
    """Answer requests until the process is told to end.

    Parameters
    ----------
    path : str or pathlib.Path
        What ``Forecaster.export`` wrote.
    host : str
        The address to listen at. Who listens at more than this machine should
        stand behind something that knows who asks.
    port : int
        0 for one that is free.
    workers : int
        Processes.

    Raises
    ------
    ValueError
        If the model cannot be read, or the address is taken or is none.
    """
    app = make_app(path)
    workers = check_int("workers", workers, 1, 64)
    host, port = _free(host, check_int("port", port, 0, 65535))
    print(f"serving {Path(path).name} at http://{host}:{port}", flush=True)
    settings = {"host": host, "port": port, "log_level": "warning"}
    if workers == 1:
        uvicorn.run(app, **settings)
        return
    os.environ[WHERE] = str(Path(path).resolve())
    here = f"{__name__}:app_of_worker"
    config = uvicorn.Config(here, factory=True, workers=workers, **settings)
    shared = config.bind_socket()
    # Its connections get this from it. Else each answer waits for some 40 ms:
    # asyncio sets it where it has made the socket itself.
    shared.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    Multiprocess(config, sockets=[shared]).run()


def _free(host: str, port: int) -> tuple[str, int]:
    """Return an address at which one can listen, or say why there is none."""
    text = isinstance(host, str)
    family = socket.AF_INET6 if text and ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        try:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
        except (OSError, TypeError, UnicodeError) as error:
            raise ValueError(
                f"host, port: expected an address that is free, got {host!r} "
                f"and {port} ({error})"
            ) from None
        return trial.getsockname()[:2]
