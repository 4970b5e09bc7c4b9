"""The command line: ``python -m gru_tutorial check``, and other commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gru_tutorial._commands.codes import (
    BUG,
    DIVERGED,
    DONE,
    STOPPED,
    TOO_LITTLE,
    UNREADABLE,
    UNWRITTEN,
    USAGE,
    Stop,
)
from gru_tutorial._commands.export import export
from gru_tutorial._commands.flags import make_parser
from gru_tutorial._commands.serve import serve

OUTPUTS_OF = ("out", "plot", "notebook", "save")
PICTURES = (".png", ".svg", ".pdf")
FLAGS = {  # of arguments whose flags are called otherwise
    "columns": "--with",
    "day_first": "--dayfirst",
    "path": "FILE",
}


def _reading_options(args) -> dict:
    """Return the arguments of ``read_series`` from the command line's."""
    names = (
        *("value", "series", "fill", "duplicates", "sort", "every"),
        *("aggregate", "day_first", "date_format", "tz", "decimal"),
        *("thousands", "drop_rows", "skip", "delimiter", "encoding"),
    )
    options = {name: getattr(args, name) for name in names}
    options["time"] = args.time and tuple(args.time.split(","))
    options["columns"] = tuple((args.columns or "").split(","))
    options["columns"] = tuple(c for c in options["columns"] if c)
    options["missing"] = tuple(dict.fromkeys(args.missing))
    if args.header:
        options["header"] = args.header == "yes"
    return options


def _flagged(error: ValueError) -> str:
    """Return a complaint about an argument as one about its flag."""
    name, _, told = str(error).partition(": ")
    first = name.split(",")[0]
    if not first.isidentifier():
        return str(error)
    flag = FLAGS.get(first, "--" + first.replace("_", "-"))
    return f"{flag}: {told}"


def _read(args, options: dict | None = None):
    """Return what the file holds, or stop with what is wrong."""
    from gru_tutorial.files import FileProblem, read_series

    try:
        options = _reading_options(args) if options is None else options
        return read_series(args.file, **options)
    except FileProblem as error:
        raise Stop(UNREADABLE, str(error), error.problems) from None
    except ValueError as error:
        raise Stop(USAGE, _flagged(error)) from None


def _described(table) -> dict:
    """Return a series in plain values."""
    values, index = table.values, table.frame.index
    return {
        "series": table.name,
        "values": len(values),
        "step": str(table.step),
        "first": str(index[0]),
        "last": str(index[-1]),
        "rows_after": table.after,
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def reading_as_json(reading) -> dict:
    """Return a reading in plain values.

    Parameters
    ----------
    reading : Reading
        As ``read_series`` returns it.
    """
    return {
        "file": reading.path,
        "rows": reading.rows,
        "time": reading.time,
        "value": reading.value,
        "columns": [str(c) for c in reading.tables[0].frame.columns[1:]],
        "series": [_described(table) for table in reading.tables],
        "done": list(reading.done),
        "notes": list(reading.notes),
    }


def _check(args) -> dict:
    from gru_tutorial._judging.panel import farthest

    reading = _read(args)
    shortest = min(len(table.values) for table in reading.tables)
    longest, sure = farthest(shortest, 0.9)
    if not (args.quiet or args.json):
        print(reading)
        print(
            f"  enough for --horizon up to {longest:,}; for an interval of "
            f"the verdict up to {sure:,}"
            if longest
            else f"  too short for any --horizon: {shortest:,} values"
        )
    reach = {"longest_horizon": longest, "surest_horizon": sure}
    return reading_as_json(reading) | reach


def _forecast(args) -> dict:
    _check_flags(args)
    reading = None if args.load else _say_reading(args, None)
    _check_outputs(args)
    import torch

    torch.set_num_threads(1)  # of small layers two are slower

    def say(text: str) -> None:
        if not (args.quiet or args.json):
            print(f"  ... {text}", file=sys.stderr, flush=True)

    if args.load:
        reading, found, page = _continued(args, say)
    else:
        found, page = _judged(args, reading, say)
    written = _write(args, reading, found, page)
    if not (args.quiet or args.json):
        print(found)
        if not args.out:
            print(found.forecast.head(12).to_string())
        for path in written:
            print(f"written: {path}")
    return reading_as_json(reading) | _found_as_json(found)


def _say_reading(args, options: dict | None):
    """Read the file, and say how before anything long begins."""
    reading = _read(args, options)
    if not (args.quiet or args.json):
        print(reading, flush=True)
    return reading


def _check_flags(args) -> None:
    """Stop if flags do not go together, or a file would be lost."""
    if args.load and (args.horizon or args.notebook):
        raise Stop(USAGE, "--load: expected neither --horizon nor --notebook")
    if not args.load and args.horizon is None:
        raise Stop(USAGE, "--horizon: expected a number of steps, got none")
    if args.plot and Path(args.plot).suffix.lower() not in PICTURES:
        told = f"expected a name that ends with {' or '.join(PICTURES)}"
        raise Stop(USAGE, f"--plot: {told}, got {args.plot!r}")
    seen = {Path(args.file).resolve(): "FILE"}
    for name in OUTPUTS_OF:
        if getattr(args, name):
            path = Path(getattr(args, name)).resolve()
            other = seen.setdefault(path, f"--{name}")
            if other != f"--{name}":
                told = f"expected another file than {other}"
                raise Stop(USAGE, f"--{name}: {told}")


def _check_outputs(args) -> None:
    """Stop before anything is computed, if an output cannot be written."""
    from gru_tutorial.storage import check_destination

    for name in OUTPUTS_OF:
        try:
            if getattr(args, name):
                check_destination(f"--{name}", getattr(args, name))
        except ValueError as error:
            raise Stop(UNWRITTEN, str(error)) from None


def _as_code(settings: dict) -> str:
    return "".join(f", {k}={v!r}" for k, v in settings.items())


def _unusual(options: dict) -> dict:
    """Return the options that are not as they are anyway."""
    from gru_tutorial._reading.options import Options

    usual = Options()._asdict()
    return {k: v for k, v in options.items() if v != usual[k]}


def _judged(args, reading, say) -> tuple:
    """Return verdict and page: the steps are run as its cells."""
    from gru_tutorial._judging.page import Page

    options, page = _unusual(_reading_options(args)), Page()
    settings = {"horizon": args.horizon, "level": args.level}
    settings |= {"updates": args.updates, "seed": args.seed}
    if args.rivals:
        settings["rivals"] = tuple(args.rivals.split(","))
    page.say(f"# A forecast of {Path(args.file).name}")
    page.run("from gru_tutorial import judge, read_series")
    page.names["judge"] = partial(page.names["judge"], progress=say)
    page.names["read_series"] = lambda *a, **k: reading  # it is read
    told = f"read_series({args.file!r}{_as_code(options)})"
    page.run(f"reading = {told}\nprint(reading)")
    page.say("All is chosen on a validation part. The test part comes after.")
    told = f"judge(reading{_as_code(settings)})"
    try:
        page.run(f"verdict = {told}\nprint(verdict)")
    except ValueError as error:
        raise _unjudged(args, error) from None
    page.run("verdict.forecast.head(12)")
    verdict = page.names["verdict"]
    verdict.kept.options.update(options)
    return verdict, page


def _unjudged(args, error: ValueError) -> Stop:
    """Return why there is no verdict: by the file, or by a flag."""
    from gru_tutorial._judging.panel import Diverged, TooLittle

    told = f"{Path(args.file).name}: {str(error).removeprefix('data: ')}"
    if isinstance(error, TooLittle):
        return Stop(TOO_LITTLE, told)
    if isinstance(error, Diverged):
        return Stop(DIVERGED, told)
    return Stop(USAGE, _flagged(error))


def _continued(args, say) -> tuple:
    """Return a reading of new rows, and what became of a kept model."""
    from gru_tutorial._judging.kept import Kept
    from gru_tutorial._judging.panel import Diverged
    from gru_tutorial.verdict import go_on

    try:
        kept = Kept.load(args.load)
    except ValueError as error:
        raise Stop(UNWRITTEN, f"--load: {str(error)[6:]}") from None
    again = {k: v for k, v in kept.options.items() if k != "drop_rows"}
    again |= _unusual(_reading_options(args))
    reading = _say_reading(args, again)
    try:
        return reading, go_on(args.load, reading, progress=say), None
    except ValueError as error:
        code = DIVERGED if isinstance(error, Diverged) else UNREADABLE
        told = str(error).removeprefix("data: ")
        raise Stop(code, f"{Path(args.file).name}: {told}") from None


def _write(args, reading, found, page) -> list[str]:
    """Write all outputs; return which."""
    from gru_tutorial.storage import write_bytes

    if args.plot or args.notebook:
        import matplotlib

        matplotlib.use("agg")  # no window, no notebook
    try:
        if args.out:
            text = found.forecast.to_csv(
                lineterminator="\n", float_format="%.10g"
            )
            write_bytes(Path(args.out), text.encode())
        if args.plot:
            draw(reading, found).savefig(args.plot, dpi=150)
        if args.save:
            found.save(args.save)
        if args.notebook:
            page.run(
                "from gru_tutorial.__main__ import draw\n\n"
                "figure = draw(reading, verdict)"
            )
            page.write(Path(args.notebook))
    except (OSError, ValueError) as error:
        raise Stop(
            UNWRITTEN, f"an output cannot be written: {error}"
        ) from None
    paths = [getattr(args, name) for name in OUTPUTS_OF]
    return [path for path in paths if path]


def draw(reading, found):
    """Draw the last values, what follows, and its bands.

    Parameters
    ----------
    reading : Reading
        What was read.
    found : Verdict or Continued
        What was found.

    Returns
    -------
    matplotlib.figure.Figure
        Of the first four series, one below the other.
    """
    from matplotlib import pyplot as plt

    tables = found.kept.tables[:4]
    size = (8, 1 + 2.5 * len(tables))
    figure, axes = plt.subplots(len(tables), 1, figsize=size, squeeze=False)
    for ax, table in zip(axes[:, 0], tables, strict=True):
        frame = found.forecast
        if "series" in frame:
            frame = frame[frame["series"] == table.name]
        past = table.frame.iloc[-3 * len(frame) :, 0]
        steps = range(1 - len(past), len(frame) + 1)
        dated = table.step.kind != "rows"
        before = past.index if dated else steps[: len(past)]
        after = frame.index if dated else steps[len(past) :]
        ax.plot(before, past, color="0.35", label=str(past.name))
        ax.fill_between(
            after,
            frame["lower"],
            frame["upper"],
            color="C1",
            alpha=0.3,
            label=f"band of {100 * found.level:g} %",
        )
        ax.plot(after, frame["forecast"], color="C1", label=found.winner)
        ax.set(xlabel=reading.time or "row", ylabel=reading.value)
        ax.set_title(table.name)
        ax.legend(loc="upper left", fontsize="small")
        ax.tick_params("x", rotation=20)
    figure.tight_layout()
    return figure


def _found_as_json(found) -> dict:
    """Return a verdict, or what became of it, in plain values."""
    plain = {}
    for name, value in found._asdict().items():
        if name == "forecast":
            rows = value.reset_index().astype({value.index.name: str})
            plain[name] = rows.rename(
                columns={value.index.name: "time"}
            ).to_dict("records")
        elif name == "scores":
            plain[name] = [one._asdict() for one in value]
        elif name == "skill":
            plain[name] = value and value._asdict()
        elif name == "rows":
            plain["new_rows"] = value
        elif name != "kept":
            plain[name] = value
    return plain


COMMANDS = {
    "check": _check,
    "forecast": _forecast,
    "export": export,
    "serve": serve,
}


def _as_json(found: dict) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def _run(args) -> int:
    """Run a command; its end is an exit code, and words if it failed."""
    code, found, stop = DONE, {}, None
    try:
        found = COMMANDS[args.command](args)
    except Stop as error:
        code, stop = error.code, error
    except KeyboardInterrupt:
        code, stop = STOPPED, Stop(STOPPED, "stopped")
    except BrokenPipeError:
        raise
    except Exception as error:  # no traceback, whatever happens
        told = f"{type(error).__name__}: {error}"
        code, stop = BUG, Stop(BUG, f"a fault of this program: {told}")
        if os.environ.get("GRU_TUTORIAL_DEBUG"):
            raise
    if stop is not None:
        sys.stdout.flush()
        print(f"error: {stop}", file=sys.stderr)
    if getattr(args, "json", False):
        faults = [one._asdict() for one in getattr(stop, "problems", ())]
        head = {"command": args.command, "ok": code == DONE, "exit": code}
        told = None if stop is None else str(stop)
        tail = {"error": told, "problems": faults}
        print(_as_json(head | found | tail))
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name; those of this process if not given.

    Examples
    --------
    >>> main(["check", "/no/such/file.csv", "--quiet"])
    3
    """
    parser = make_parser()
    try:
        args = parser.parse_args(arguments)
    except SystemExit as end:
        return end.code
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as of ``| head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNWRITTEN


if __name__ == "__main__":
    sys.exit(main())
