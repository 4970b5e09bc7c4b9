"""Two command lines on files as people send them: for chapter 14.

The book's command line against that of skforecast-ai 0.4.2, which is the best
that was found. Each file of ``untidy.py`` is given to the command ``forecast``
of both, seven steps ahead; its JSON says how the file was read, as ``check``
does (there: ``profile``). Both are told which column is the time and which the
value; ours is asked for one baseline and a GRU that is hardly trained, as
reading is what counts here.
What a program says on the way, in words or in its JSON, is searched for the
words that ``untidy.py`` lists, and the values that it says it has read are
compared with those that were written. So each outcome is one of these:

- right: read as it was meant, and forecast from the right time on;
- told: a fault was mended, or passed over, and the user was told;
- precise: refused by a message that names the place or the cause;
- vague: refused by another message;
- traceback;
- silent: something else was read, or a fault passed over, without a word.

skforecast-ai needs an older pandas than the book, so it gets an environment of
its own. Its parts that ask a language model are left out.

Usage: python -m venv .venv-rival
       .venv-rival/bin/pip install skforecast-ai==0.4.2
       python benchmarks/commandline.py --python .venv-rival/bin/python
       (some five minutes)
"""

import argparse
import collections
import contextlib
import io
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from search import RUNS, Runs
from untidy import HORIZON, all_files

from gru_tutorial.__main__ import main as main_of_ours
from gru_tutorial.book.results import load_average, store

RIVAL, VERSION = "skforecast-ai", "0.4.2"
PYTHON = Path(__file__).parents[1] / ".venv-rival/bin/python"
SAID = 300  # characters that are kept
PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "400"}
QUICK = ("--rivals", "persistence", "--updates", "2")
RANKS = {  # the lower, the better
    "written": ("right", "told", "precise", "vague", "traceback", "silent"),
    "faulty": ("right told precise", "vague", "traceback", "silent"),
    "hopeless": ("precise told", "vague", "traceback", "right silent"),
}


def flags(program, path, columns):
    """Return what a user types after the program's name."""
    (time, value), ahead = columns, str(HORIZON)
    if program == "ours":
        told = ["--time", time, "--value", value, "--horizon", ahead]
        return ["forecast", path, *told, "--json", *QUICK]
    told = ["--target", value, "--date-column", time.split(",")[0]]
    told += ["--steps", ahead, "--format", "json", "--quiet"]
    return ["forecast", path, *told]


def run_ours(arguments):
    """Return exit code, and what is printed, of our program, in here."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main_of_ours(arguments)
    return code, out.getvalue(), err.getvalue()


def run_theirs(arguments, python):
    """Return exit code, and what is printed, of the other program."""
    done = subprocess.run(
        [python, "-m", "skforecast_ai", *arguments],
        capture_output=True,
        env=os.environ | PLAIN,
        timeout=600,
    )
    texts = [x.decode("utf-8", "replace") for x in (done.stdout, done.stderr)]
    return done.returncode, *texts


def tidied(text):
    """Return a text without frames, and each blank once."""
    text = re.sub("[\u2500-\u257f•]", " ", text)
    return " ".join(re.sub(r"\S*/site-packages/\S*", "", text).split())


# What a program says that it has read


def facts_of_ours(found):
    """Return number, mean and first time of what our ``check`` read."""
    (one,) = found["series"]
    return one["values"], one["mean"], one["first"]


def facts_of_theirs(found):
    """Return number, mean and first time of what ``profile`` read."""
    found = found["data_profile"]
    (one,) = found["series_lengths"].values()
    (stats,) = found["target_stats"].values()
    lost = sum(found["missing_target"].values())
    return one["length"] - lost, stats["mean"], one["start"]


def notes_of_theirs(found):
    """Return what ``profile`` says beside its figures."""
    found = found["data_profile"]
    notes = [*found["warnings"]]
    notes += [f"missing: {found['missing_target']}"] * bool(
        found["missing_target"]
    )
    notes += ["has gaps"] * found["has_gaps"]
    notes += ["has duplicate timestamps"] * found["has_duplicate_timestamps"]
    return "; ".join(notes)


def first_of(forecast):
    """Return the first time of a forecast."""
    row = forecast[0]
    return row.get("time", next(iter(row.values())))


def same_time(found, wanted):
    """Tell whether two texts are the same time; none is wanted as \"\"."""
    if not wanted:
        return True
    try:
        found, wanted = (pd.Timestamp(one) for one in (found, wanted))
    except (ValueError, TypeError):
        return False
    if found.tz is not None:
        found = found.tz_convert("UTC").tz_localize(None)
    return found == wanted


def parsed(text):
    """Return the JSON that a text holds, whatever stands before it."""
    return json.loads(text[text.index("{") :])


# Outcomes


def answered(file, program, python):
    """Give a file to a program; return what came of it."""
    path, ours = Path(f"data{file.suffix}"), program == "ours"
    path.unlink(missing_ok=True)
    if file.content is not None:
        path.write_bytes(file.content)
    arguments = flags(program, path.name, file.columns)
    ran = run_ours(arguments) if ours else run_theirs(arguments, python)
    code, out, err = ran
    if code:
        return {"code": code, "said": tidied(err if ours else out + err)}
    found = parsed(out)
    look = found if ours else found["profile"]
    number, mean, first = (facts_of_ours if ours else facts_of_theirs)(look)
    read = {"values": number, "mean": mean, "first": first}
    read["follows"] = first_of(found["forecast" if ours else "predictions"])
    said = "; ".join([said_by(program, look), tidied(err)])
    return {"code": 0, "said": said, "read": read}


def said_by(program, look):
    """Return the notes of a file that was read."""
    if program == "ours":
        return "; ".join([*look["done"], *look["notes"]])
    return notes_of_theirs(look)


def is_right(file, read):
    """Tell whether a file was read as it was written."""
    return bool(
        read["values"] == len(file.values)
        and np.isclose(read["mean"], np.mean(file.values), rtol=1e-6)
        and same_time(read["first"], file.first)
        and same_time(read["follows"], file.follows)
    )


def outcome_of(file, found):
    """Return the outcome in a word."""
    said = found["said"].lower()
    if found["code"]:
        if "traceback (most recent call last)" in said:
            return "traceback"
        precise = any(word.lower() in said for word in file.fault)
        return "precise" if precise else "vague"
    if file.kind == "written" and is_right(file, found["read"]):
        return "right"
    told = any(word.lower() in said for word in file.told)
    return "told" if told else "silent"


def rank(kind, outcome):
    """Return how good an outcome is for a kind of file; 0 is best."""
    found = [k for k, one in enumerate(RANKS[kind]) if outcome in one.split()]
    return found[0]


def counted(rows):
    """Return how often each outcome came, by program and kind."""
    return {
        program: {
            kind: collections.Counter(
                row[program]["outcome"] for row in rows if row["kind"] == kind
            )
            for kind in RANKS
        }
        for program in ("ours", "theirs")
    }


def main():
    """Run both programs on all files, and store."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=str(PYTHON), type=os.path.abspath)
    python = parser.parse_args().python
    if not Path(python).exists():
        print(f"left out: no {RIVAL}, see the first lines of commandline.py")
        return
    load, files, rows = load_average(), all_files(), []
    by_name = {file.name: file for file in files}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):

        def measure(name, program, settings, seed):
            return answered(by_name[name], program, python)

        runs = Runs(RUNS / "commandline.jsonl", measure)
        for file in files:
            row = {"file": file.name, "kind": file.kind}
            for program in ("ours", "theirs"):
                found = runs.run(file.name, program, {}, 0)
                outcome = outcome_of(file, found)
                said = found["said"][:SAID]
                row[program] = {"outcome": outcome, "said": said}
            rows.append(row)
            print(file.name, *(row[p]["outcome"] for p in ("ours", "theirs")))
    results = {"rival": RIVAL, "version": VERSION, "horizon": HORIZON}
    results |= {"counts": counted(rows), "files": rows}
    store("commandline", results, load=load, repetitions=1)


if __name__ == "__main__":
    main()
