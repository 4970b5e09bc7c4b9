"""The command line: words, exit codes, JSON, and never a traceback."""

import json
import math
import resource
import subprocess
import sys

import jsonschema
import nbformat
import pandas as pd
import pytest
import torch

from gru_tutorial import __main__ as command_line
from gru_tutorial.__main__ import main
from gru_tutorial._judging import network
from gru_tutorial._judging.page import Page
from tests.messy import MENDED, PLAIN, READ, REFUSED, hours, rows_of

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WHOLE = {"type": "integer"}
TEXTS = {"type": "array", "items": TEXT}


def an_object(properties, **more):
    """Return the schema of an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    } | more


PROBLEM = an_object(
    {
        "kind": TEXT,
        "message": TEXT,
        "row": {"type": ["integer", "null"]},
        "column": {"type": ["string", "null"]},
        "repairs": TEXTS,
    }
)
SERIES = an_object(
    {
        **dict.fromkeys(("series", "step", "first", "last"), TEXT),
        **dict.fromkeys(("values", "rows_after"), WHOLE),
        **dict.fromkeys(("mean", "min", "max"), NUMBER),
    }
)
HEAD = {
    "command": TEXT,
    "ok": {"type": "boolean"},
    "exit": WHOLE,
    "error": {"type": ["string", "null"]},
    "problems": {"type": "array", "items": PROBLEM},
}
READING = {
    "file": TEXT,
    "rows": WHOLE,
    "time": {"type": ["string", "null"]},
    "value": TEXT,
    "columns": TEXTS,
    "series": {"type": "array", "items": SERIES},
    "done": TEXTS,
    "notes": TEXTS,
}


@pytest.fixture
def write(tmp_path):
    def written(content, name="data.csv"):
        path = tmp_path / name
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return str(path)

    return written


# check


def test_check_says_how_a_file_is_read(write, capsys):
    assert main(["check", write(PLAIN)]) == 0
    out, err = capsys.readouterr()
    assert "5 values, one each hour, from 2024-01-10 00:00" in out
    assert "value: 'load'" in out
    assert "too short for any --horizon: 5 values" in out
    assert not err


def test_quiet_prints_faults_alone(write, capsys):
    assert main(["check", write(PLAIN), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["check", write(""), "--quiet"]) == 3
    assert "an empty file" in capsys.readouterr().err


def test_json_has_all_that_is_said(write, capsys):
    assert main(["check", write(PLAIN), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    reach = dict.fromkeys(("longest_horizon", "surest_horizon"), WHOLE)
    jsonschema.validate(found, an_object(HEAD | READING | reach))
    assert found["series"][0]["max"] == 5.5
    assert found["longest_horizon"] == 0
    gap = rows_of([*hours(3), *hours(2, "2024-01-10 05:00")], range(5))
    assert main(["check", write(gap), "--json"]) == 3
    out, err = capsys.readouterr()
    found = json.loads(out)
    jsonschema.validate(found, an_object(HEAD))
    assert found["problems"][0]["row"] == 5
    assert "--fill previous" in found["problems"][0]["repairs"]
    assert err.startswith("error: data.csv, row 5, column 'time': ")


def test_each_messy_file_ends_with_a_code(write, capsys):
    files = [(k, v[0], 0) for k, v in READ.items() if not v[1]]
    files += [(k, v[0], 3) for k, v in MENDED.items() if v[1]]
    files += [(k, v[0], 3) for k, v in REFUSED.items()]
    for name, content, code in files:
        assert main(["check", write(content), "--quiet"]) == code, name
        err = capsys.readouterr().err
        assert "Traceback" not in err
        assert err.startswith("error: data.csv") == (code == 3), name


def test_each_repair_has_a_flag(write, capsys):
    for name, (content, _, options, _) in MENDED.items():
        flags = []
        for option, value in options.items():
            flag = command_line.FLAGS.get(option, f"--{option}")
            if option == "day_first":
                flags.append(flag if value else "--monthfirst")
            elif value is True and option == "sort":
                flags.append(flag)
            else:
                text = "yes" if value is True else str(value)
                text = "7" if value == (7,) else text
                flags += [flag.replace("_", "-"), text]
        assert main(["check", write(content), *flags]) == 0, name
        assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--value", "watt"], "error: --value: expected a column of data.csv"),
        (["--with", "heat"], "error: --with: expected a column of data.csv"),
        (["--drop-rows", "x"], "error: --drop-rows: expected rows such as"),
        (["--every", "soon"], "error: --every: expected 'row', or a step"),
        (["--fill", "zero"], "invalid choice: 'zero'"),
        (["--dayfirst=yes"], "error: "),
        (["--jason"], "unrecognized arguments: --jason"),
    ],
)
def test_a_command_line_that_is_not_understood(flags, words, write, capsys):
    assert main(["check", write(PLAIN), *flags]) == 2
    assert words in capsys.readouterr().err


def test_help_says_which_codes_there_are(capsys):
    for arguments in (["--help"], ["check", "--help"], ["forecast", "-h"]):
        assert main(arguments) == 0
        told = capsys.readouterr().out
        for code in (*map("{} ".format, range(7)), "130 "):
            assert f"\n  {code}" in told
    assert main([]) == 2


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "error: stopped"),
        (RuntimeError("oh"), 1, "a fault of this program: RuntimeError: oh"),
        (MemoryError(), 1, "a fault of this program: MemoryError"),
    ],
)
def test_whatever_happens_there_is_no_traceback(
    error, code, words, write, capsys, monkeypatch
):
    def fails(args):
        raise error

    monkeypatch.setitem(command_line.COMMANDS, "check", fails)
    assert main(["check", write(PLAIN)]) == code
    out, err = capsys.readouterr()
    assert words in err
    assert "Traceback" not in out + err


# forecast

FAST = ["--rivals", "persistence,ridge", "--updates", "4"]
SKILL = an_object(
    {
        **dict.fromkeys(("skill", "lower", "upper", "won"), NUMBER),
        "verdict": {"enum": ["better", "worse", "no difference"]},
    }
)
SCORE = an_object(
    {"model": TEXT, "valid": NUMBER, "test": {"type": ["number", "null"]}}
)
STEP = an_object(
    {"time": TEXT, **dict.fromkeys(("forecast", "lower", "upper"), NUMBER)}
)
VERDICT = {
    "word": {"enum": ["use it", "no difference", "don't"]},
    **dict.fromkeys(("winner", "baseline"), TEXT),
    "skill": {"anyOf": [SKILL, {"type": "null"}]},
    "scores": {"type": "array", "items": SCORE},
    **dict.fromkeys(("period", "origins"), WHOLE),
    **dict.fromkeys(("level", "covered"), NUMBER),
    "forecast": {"type": "array", "items": STEP},
}
CONTINUED = {
    "winner": TEXT,
    **dict.fromkeys(("new_rows", "changed", "origins"), WHOLE),
    **dict.fromkeys(("before", "level"), NUMBER),
    "now": {"type": ["number", "null"]},
    "fallen": {"type": ["boolean", "null"]},
    "forecast": VERDICT["forecast"],
}


@pytest.fixture(autouse=True)
def one_thread_stays(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    monkeypatch.setattr(network, "CHUNK", 16)


FAR = [*range(75), 1e60, *range(15)]  # one value is far from all others


def swings(n):
    return [round(math.sin(k / 2) + (k * 7919 % 13) / 50, 3) for k in range(n)]


def test_forecast_says_and_writes_what_it_found(write, capsys, tmp_path):
    path = write(rows_of(hours(120), swings(120)))
    out, plot, book, model = (
        tmp_path / name for name in ("f.csv", "f.png", "f.ipynb", "m.pt")
    )
    flags = ["--out", out, "--plot", plot, "--notebook", book, "--save", model]
    arguments = ["forecast", path, "--horizon", "3", *FAST, *map(str, flags)]
    assert main(arguments) == 0
    told, progress = capsys.readouterr()
    assert "120 values, one each hour" in told
    assert "verdict: " in told
    assert f"written: {out}" in told
    assert "... validation: ridge" in progress
    lines = out.read_text().splitlines()
    assert lines[0] == "time,forecast,lower,upper"
    assert len(lines) == 4
    assert lines[1].startswith("2024-01-15 00:00:00,")
    assert plot.read_bytes().startswith(b"\x89PNG")
    check_notebook(book, path)


def check_notebook(path, file):
    """Look at a notebook, and run its cells again."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == list(range(1, 6))
    assert f"read_series({file!r}" in cells[1].source
    assert "verdict: " in cells[2].outputs[0].text
    assert "<table" in cells[3].outputs[0].data["text/html"]
    assert "image/png" in cells[4].outputs[0].data
    page = Page()
    for cell in cells[:4]:
        page.run(cell.source)
    again = [c["outputs"] for c in page.cells]
    assert again == [c.outputs for c in cells[:4]]


def test_forecast_as_json_and_then_with_new_rows(write, capsys, tmp_path):
    path = write(rows_of(hours(120), swings(120), ";"))
    model = str(tmp_path / "m.pt")
    arguments = ["forecast", path, "--horizon", "3", *FAST, "--json"]
    assert main([*arguments, "--save", model]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    jsonschema.validate(found, an_object(HEAD | READING | VERDICT))
    assert len(found["forecast"]) == 3
    more = write(rows_of(hours(140), swings(140), ";"), "more.csv")
    assert main(["forecast", "--load", model, more, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, an_object(HEAD | READING | CONTINUED))
    assert found["new_rows"] == 20
    assert found["forecast"][0]["time"] == "2024-01-15 20:00:00"
    assert main(["forecast", "--load", model, more]) == 0
    out = capsys.readouterr().out
    assert "20 new rows, 0 changed ones" in out
    assert "2024-01-15 20:00:00" in out  # without --out it is printed
    late = write(rows_of(hours(20, "2024-02-01"), swings(20)), "late.csv")
    assert main(["forecast", "--load", model, late]) == 3
    assert "late.csv: expected rows that go on at" in capsys.readouterr().err


def test_a_kept_model_knows_how_its_file_is_read(write, capsys, tmp_path):
    values = [f"{v},x" for v in swings(120)]
    text = rows_of(hours(120), values, header="time,load,flag")
    text = text.replace("x\n", "0\n")
    model = str(tmp_path / "m.pt")
    flags = ["--horizon", "2", *FAST, "--quiet", "--value", "load"]
    assert main(["forecast", write(text), *flags, "--save", model]) == 0
    assert main(["forecast", write(text), "--load", model, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_notebook_reads_the_file_as_it_was_read(write, capsys, tmp_path):
    days = pd.date_range("2024-01-01", periods=90).strftime("%m/%d/%Y")
    path, book = write(rows_of(days, swings(90))), tmp_path / "f.ipynb"
    flags = ["--monthfirst", "--horizon", "1", *FAST, "--quiet"]
    assert main(["forecast", path, *flags, "--notebook", str(book)]) == 0
    source = json.loads(book.read_text("utf-8"))["cells"][2]["source"]
    assert f"read_series({path!r}, day_first=False)" in source


def test_series_and_columns_from_the_command_line(write, capsys):
    rows = [
        f"{shop},{t},{v}"
        for t, v in zip(hours(90), swings(90), strict=True)
        for shop in "ab"
    ]
    path = write("\n".join(["shop,time,sold", *rows]))
    flags = ["--series", "shop", "--with", "hour", "--horizon", "2"]
    assert main(["forecast", path, *flags, *FAST, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["series"] for one in found["forecast"]] == list("aabb")
    assert found["columns"] == ["hour sin", "hour cos"]


@pytest.mark.parametrize(
    ("values", "flags", "code", "words"),
    [
        (range(20), ["--horizon", "7"], 4, "data.csv: expected at least"),
        ([3] * 90, ["--horizon", "2"], 4, "data.csv: expected values that"),
        (range(90), [], 2, "--horizon: expected a number of steps"),
        (range(90), ["--horizon", "0"], 2, "--horizon: expected a whole"),
        (range(90), ["--horizon", "2", "--level", "2"], 2, "--level: "),
        (range(90), ["--horizon", "2", "--rivals", "x"], 2, "--rivals: "),
        (range(90), ["--horizon", "2", "--out", "/no/f.csv"], 5, "--out: "),
        (range(90), ["--load", "m.pt", "--horizon", "2"], 2, "--load: "),
        (range(90), ["--horizon", "2", "--plot", "f.csv"], 2, "--plot: "),
        (range(90), ["--load", "/no/m.pt"], 5, "--load: could not read"),
        (["x"] * 9, ["--horizon", "2"], 3, "data.csv, row 2"),
        (FAR, ["--horizon", "1", *FAST], 6, "data.csv: training of GRU"),
    ],
)
def test_a_forecast_that_cannot_be_made(
    values, flags, code, words, write, capsys
):
    path = write(rows_of(hours(len(values)), values))
    assert main(["forecast", path, *flags]) == code
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_a_file_is_not_written_over_itself(write, capsys):
    path = write(PLAIN)
    assert main(["forecast", path, "--horizon", "1", "--out", path]) == 2
    assert "another file than FILE" in capsys.readouterr().err
    flags = ["--horizon", "1", "--out", f"{path}.new", "--save", f"{path}.new"]
    assert main(["forecast", path, *flags]) == 2
    assert "another file than --out" in capsys.readouterr().err


def test_a_full_disk_is_no_traceback(write, capsys, monkeypatch, tmp_path):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gru_tutorial.storage.write_bytes", full)
    path = write(rows_of(hours(90), swings(90)))
    flags = ["--horizon", "2", *FAST, "--out", str(tmp_path / "f.csv")]
    assert main(["forecast", path, *flags, "--quiet"]) == 5
    assert "No space left on device" in capsys.readouterr().err


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gru_tutorial", *arguments],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_check_needs_two_seconds_and_no_torch(write):
    rows = rows_of(hours(5000), range(5000))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = run("check", write(rows))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.returncode == 0, found.stderr
    assert "5,000 values, one each hour" in found.stdout
    # seconds of a processor: the clock's depend on what else runs
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 2
    code = (
        "import sys; from gru_tutorial.__main__ import main; "
        f"main(['check', {write(PLAIN)!r}, '--quiet']); "
        "print({'torch', 'sklearn', 'matplotlib', 'IPython'} & {*sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert loaded.stdout == "set()\n"


@pytest.mark.slow
def test_a_closed_pipe_is_no_fault(write):
    command = [sys.executable, "-m", "gru_tutorial", "check", write(PLAIN)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.wait(60) == 5
        assert process.stderr.read() == ""


@pytest.mark.slow
def test_two_commands_from_a_shell(write, tmp_path):
    path = write(rows_of(hours(120), swings(120)))
    out = tmp_path / "f.csv"
    assert run("check", path).returncode == 0
    found = run("forecast", path, "--horizon", "2", *FAST, "--out", str(out))
    assert found.returncode == 0, found.stderr
    assert "verdict: " in found.stdout
    assert len(out.read_text().splitlines()) == 3
