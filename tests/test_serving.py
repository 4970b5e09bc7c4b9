"""The service answers right, and bad requests get 4xx and nothing else."""

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_tutorial import (
    Direct,
    Forecaster,
    GRUModel,
    Scaler,
    Seq2Seq,
    serving,
)
from gru_tutorial.export import export_onnx
from gru_tutorial.serving import Served, make_app, serve

MOST = 5000  # bytes
RNG = np.random.default_rng(0)
HISTORIES = [RNG.normal(5, 2, n).round(3).tolist() for n in (30, 12, 30, 7)]


def made(columns=1, head=None, **settings):
    torch.manual_seed(0)
    model = GRUModel(columns, hidden_size=8, head=head or Direct(4))
    scaler = Scaler(5.0, 2.0)
    if columns > 1:
        scaler = Scaler([5.0] * columns, [2.0] * columns)
    return Forecaster(model, scaler, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def app(folder):
    export_onnx(made(), folder / "gru.onnx")
    return make_app(folder / "gru.onnx", max_bytes=MOST)


def ask(app, *bodies, method="POST", path="/forecast", kind="json"):
    """Return the answers of an application in this process, all at once."""

    async def all_of_them():
        transport = httpx.ASGITransport(app)  # it raises what the app raises
        async with httpx.AsyncClient(
            transport=transport, base_url="http://here"
        ) as client:
            headers = {"content-type": f"application/{kind}"}
            return await asyncio.gather(
                *(
                    client.request(method, path, content=b, headers=headers)
                    for b in bodies
                )
            )

    return asyncio.run(all_of_them())


def told(answer):
    """Return the error of an answer that has to be one."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/json"
    content = json.loads(answer.text)
    assert list(content) == ["error"]
    assert isinstance(content["error"], str)
    assert len(answer.content) < 1000
    return content["error"]


# Answers


@pytest.mark.parametrize("horizon", [1, 4, 9])
def test_one_history_is_forecast(app, horizon):
    body = json.dumps({"history": HISTORIES[0], "horizon": horizon})
    (answer,) = ask(app, body)
    assert answer.status_code == 200
    expected = made()(HISTORIES[0], horizon)
    np.testing.assert_allclose(
        answer.json()["forecast"], expected, rtol=0, atol=1e-5
    )


def test_a_batch_is_answered_in_its_order(app):
    (answer,) = ask(app, json.dumps({"histories": HISTORIES}))
    found = answer.json()["forecasts"]
    assert len(found) == len(HISTORIES)
    for history, y_hat in zip(HISTORIES, found, strict=True):
        expected = made()(history, 4)
        np.testing.assert_allclose(y_hat, expected, rtol=0, atol=1e-5)


def test_requests_at_once_get_their_own_answers(app):
    bodies = [
        json.dumps({"history": HISTORIES[k % 4], "horizon": 1 + k % 4})
        for k in range(100)
    ]
    for k, answer in enumerate(ask(app, *bodies)):
        expected = made()(HISTORIES[k % 4], 1 + k % 4)
        np.testing.assert_allclose(
            answer.json()["forecast"], expected, rtol=0, atol=1e-5
        )


def test_columns_and_targets_come_as_rows(folder):
    forecaster = made(3, Direct(4, target=(2, 0)), window=6)
    export_onnx(forecaster, folder / "table.onnx")
    app = make_app(folder / "table.onnx")
    history = RNG.normal(5, 2, (20, 3)).round(3).tolist()
    good, short, narrow, far = ask(
        app,
        json.dumps({"history": history}),
        json.dumps({"history": history[:5]}),
        json.dumps({"history": [row[:2] for row in history]}),
        json.dumps({"history": history, "horizon": 5}),
    )
    expected = forecaster(history, 4)
    assert expected.shape == (4, 2)
    np.testing.assert_allclose(
        good.json()["forecast"], expected, rtol=0, atol=1e-5
    )
    assert "body.history: List should have at least 6 items" in told(short)
    assert "body.history.0: List should have at least 3" in told(narrow)
    assert "body.horizon: Input should be less than or equal" in told(far)


def test_it_says_what_it_is(app):
    (answer,) = ask(app, b"", method="GET", path="/health")
    assert answer.json() == {
        "status": "ok",
        "columns": None,
        "features": 1,
        "target": [0],
        "shortest": 1,
        "horizon": 4,
    }


@pytest.mark.parametrize(
    ("settings", "longest"),
    [
        ({}, 1000),
        ({"head": Seq2Seq(4)}, 1000),
        ({"strategy": "direct"}, 4),
        ({"columns": 2}, 4),
        ({"columns": 2, "strategy": "recursive"}, 1),
    ],
)
def test_it_knows_how_far_it_goes(settings, longest, folder):
    forecaster = made(**settings)
    export_onnx(forecaster, folder / "far.onnx")
    served = Served(folder / "far.onnx")
    assert served.longest == longest
    history = [5.0] if len(forecaster.scaler.mean.shape) == 0 else [[5.0, 4.0]]
    (found,) = served([history], longest)
    expected = forecaster(history, longest)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_what_is_no_exported_model_is_refused(folder):
    (folder / "text.onnx").write_text("no model")
    for name in ("text.onnx", "none.onnx"):
        with pytest.raises(ValueError, match="model: expected an ONNX model"):
            make_app(folder / name)
    scaler = Scaler([1.0, 2.0], [1.0, 1.0])
    export_onnx(Forecaster(GRUModel(), scaler), folder / "series.onnx")
    with pytest.raises(ValueError, match="with a scale for each series"):
        make_app(folder / "series.onnx")
    with pytest.raises(ValueError, match="max_bytes: expected a whole"):
        make_app(folder / "gru.onnx", max_bytes=0)


# Bad requests

BAD = {
    "nothing": b"",
    "spaces": b"   ",
    "no JSON": b"history=1,2",
    "cut short": b'{"history": [1, 2',
    "two of them": b'{"history": [1]} {"history": [1]}',
    "no text": b"\xff\xfe\x00",
    "zeros": b"\x00" * 100,
    "HTML": b"<script>alert(1)</script>",
    "null": b"null",
    "a number": b"3",
    "a list": b"[1, 2, 3]",
    "a text": b'"history"',
    "no field": b"{}",
    "history of null": b'{"history": null}',
    "history of text": b'{"history": "1,2,3"}',
    "a number as history": b'{"history": 3}',
    "an object as history": b'{"history": {"0": 1}}',
    "empty": b'{"history": []}',
    "NaN": b'{"history": [1, NaN]}',
    "Infinity": b'{"history": [1, Infinity]}',
    "-Infinity": b'{"history": [-Infinity]}',
    "too large a number": b'{"history": [1e999]}',
    "too long a number": b'{"history": [1' + b"0" * 4500 + b"]}",
    "texts": b'{"history": ["1", "2"]}',
    "true": b'{"history": [true, false]}',
    "gaps": b'{"history": [1, null, 3]}',
    "too deep by one": b'{"history": [[1, 2], [3, 4]]}',
    "far too deep": b"[" * 2000 + b"]" * 2000,
    "deep within": b'{"history": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    "objects within": b'{"history": [{"value": 1}]}',
    "histories of numbers": b'{"histories": [1, 2]}',
    "no histories": b'{"histories": []}',
    "an empty one among them": b'{"histories": [[1], []]}',
    "both": b'{"history": [1], "histories": [[1]]}',
    "an unknown field": b'{"history": [1], "model": "../../etc/passwd"}',
    "a field of no letters": b'{"history": [1], "\\ud800\\u0000": 1}',
    "a long field": b'{"history": [1], "' + b"x" * 4000 + b'": 1}',
    "horizon 0": b'{"history": [1], "horizon": 0}',
    "horizon below 0": b'{"history": [1], "horizon": -1}',
    "horizon of a half": b'{"history": [1], "horizon": 1.5}',
    "horizon as text": b'{"history": [1], "horizon": "4"}',
    "horizon of true": b'{"history": [1], "horizon": true}',
    "too far": b'{"history": [1], "horizon": 1000000000}',
    "infinitely far": b'{"history": [1], "horizon": Infinity}',
    "horizon of null": b'{"history": [1], "horizon": null}',
    "too many": json.dumps({"histories": [[1]] * 1001}).encode(),
    "too large": json.dumps({"history": [1.5] * 2000}).encode(),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused(app, name):
    (answer,) = ask(app, BAD[name])
    assert told(answer)
    large = len(BAD[name]) > MOST
    assert (answer.status_code == 413) == large


def test_another_kind_of_body_is_refused(app):
    for kind in ("x-www-form-urlencoded", "octet-stream", "xml"):
        (answer,) = ask(app, b'{"history": [1]}', kind=kind)
        assert told(answer)


def test_other_pages_and_methods_are_refused(app):
    for path in ("/", "/docs", "/redoc", "/forecast/", "/../etc/passwd"):
        for method in ("GET", "PUT", "DELETE", "POST"):
            (answer,) = ask(app, b"", method=method, path=path)
            assert told(answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["history", "histories", "horizon"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200)
@given(JSON)
def test_any_json_is_answered_or_refused(app, content):
    (answer,) = ask(app, json.dumps(content))
    if answer.status_code != 200:
        told(answer)


@settings(max_examples=200)
@given(st.data())
def test_a_body_with_some_bytes_changed_is_answered_or_refused(app, data):
    body = bytearray(b'{"histories": [[1.5, 2], [-3e1]], "horizon": 2}')
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    (answer,) = ask(app, bytes(body))
    if answer.status_code != 200:
        told(answer)
    else:
        assert np.isfinite(np.concatenate(answer.json()["forecasts"])).all()


def test_a_body_without_a_declared_length_is_read_to_the_limit(app):
    sent = []

    async def parts():
        for _ in range(1000):
            sent.append(100)
            yield b" " * 100

    assert "at most 5000 bytes" in told(ask(app, parts())[0])
    assert sum(sent) <= MOST + 200


def test_a_body_that_never_comes_is_not_waited_for(app, monkeypatch):
    monkeypatch.setattr("gru_tutorial.serving.PATIENCE", 0.05)

    async def parts():
        yield b"{"
        await asyncio.sleep(30)

    (answer,) = ask(app, parts())
    assert answer.status_code == 408
    assert "within" in told(answer)


# Over a socket

SERVE = "import sys; from gru_tutorial.serving import serve; serve("
SERVE += "sys.argv[1], port=0, workers=int(sys.argv[2]))"


@contextmanager
def running(path, workers):
    """Start the service in a process of its own; end it in any case."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path), str(workers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        port = int(line.rpartition(":")[2])
        wait_for(port)
        yield port
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, -signal.SIGINT)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()


def wait_for(port, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return posted(port, None, "/health")
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the service does not answer")


def posted(port, body, path="/forecast"):
    """Return status and content of an answer over a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"content-type": "application/json"}
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def raw(port, head):
    """Send the beginning of a request; return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(head)
        return b"".join(iter(lambda: link.recv(4096), b""))


@pytest.mark.slow
def test_it_answers_over_a_socket(app, folder):
    with running(folder / "gru.onnx", workers=1) as port:
        head = b"POST /forecast HTTP/1.1\r\nhost: x\r\n"
        begun = time.monotonic()
        huge = raw(port, head + b"content-length: 1000000000\r\n\r\n" + b" ")
        assert huge.startswith(b"HTTP/1.1 413 ")  # and the connection ends
        assert time.monotonic() - begun < 10
        for line in (b"content-length: -1", b"content-length: x", b"\xff"):
            assert raw(port, head + line + b"\r\n\r\n")[9:10] == b"4"
        for name, body in BAD.items():
            status, content = posted(port, body)
            assert 400 <= status < 500 or name == "too large", name
            assert ("error" in content) == (status != 200)
        bodies = [json.dumps({"history": h}) for h in HISTORIES] * 16
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda body: posted(port, body), bodies))
        for k, (status, content) in enumerate(answers):
            assert status == 200
            expected = made()(HISTORIES[k % 4], 4)
            np.testing.assert_allclose(
                content["forecast"], expected, rtol=0, atol=1e-5
            )


@pytest.mark.slow
def test_two_workers_answer_alike_and_end(app, folder):
    body = json.dumps({"histories": HISTORIES})
    with running(folder / "gru.onnx", workers=2) as port:
        answers = [posted(port, body) for _ in range(20)]
        assert answers == [(200, ask(app, body)[0].json())] * 20
    with pytest.raises(ConnectionRefusedError):
        posted(port, body)


def test_no_answer_of_a_worker_waits_for_the_network(app, folder, monkeypatch):
    """Connections of the workers' socket send what they have at once."""
    kept = []

    class Started:
        def __init__(self, config, sockets):
            kept.extend(sockets)

        def run(self):
            pass

    monkeypatch.setenv(serving.WHERE, "restored afterwards")
    monkeypatch.setattr(serving, "Multiprocess", Started)
    serve(folder / "gru.onnx", port=0, workers=2)
    with kept[0] as shared, closing(socket.socket()) as client:
        shared.listen()
        client.connect(shared.getsockname())
        with shared.accept()[0] as connection:
            assert connection.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY
            )


def test_an_address_that_is_taken_is_refused(app, folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match="host, port: expected an addr"):
            serve(folder / "gru.onnx", port=port)
    for host in ("no such host", "256.1.1.1", 3):
        with pytest.raises(ValueError, match="host, port: expected an addr"):
            serve(folder / "gru.onnx", host=host)


def test_without_the_extra_its_name_is_told():
    code = "import sys; sys.modules['fastapi'] = None\n"
    code += "import gru_tutorial.serving"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "'gru-tutorial[serve]'" in answer.stderr.splitlines()[-1]


def test_the_service_does_without_pytorch():
    code = "import sys, gru_tutorial.serving; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout == "False\n"
