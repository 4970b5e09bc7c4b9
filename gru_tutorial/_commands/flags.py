"""What the command line takes: commands, and the flags of each."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from gru_tutorial._commands.codes import CODES

FIRST = """a file of your own, in two commands:
  python -m gru_tutorial check data.csv
  python -m gru_tutorial forecast data.csv --horizon 48 --out forecast.csv
"""
GROUPS = {
    "columns: found if they are plain; by name, or by number from 1": {
        "--time": {
            "metavar": "A[,B]",
            "help": "times; a date and a clock; or none",
        },
        "--value": {"metavar": "A", "help": "what is forecast"},
        "--with": {
            "metavar": "A,B",
            "dest": "columns",
            "help": "what may help: columns, or hour, weekday, month",
        },
        "--series": {"metavar": "A", "help": "what tells series apart"},
    },
    "repairs: none is made unless it is told": {
        "--fill": {
            "choices": ("previous", "interpolate"),
            "help": "missing values and gaps",
        },
        "--duplicates": {
            "choices": ("drop-identical", "mean", "first"),
            "help": "times that come twice",
        },
        "--sort": {"action": "store_true", "help": "put rows in order"},
        "--every": {
            "metavar": "STEP",
            "help": "put rows together to steps "
            "of 1h, 30min, D, MS; or 'row': each row is a step",
        },
        "--aggregate": {
            "choices": ("mean", "sum", "first", "last", "min", "max"),
            "default": "mean",
            "help": "how --every does it",
        },
        "--drop-rows": {
            "metavar": "2,5-8",
            "default": (),
            "help": "leave rows out",
        },
        "--skip": {
            "metavar": "N",
            "type": int,
            "default": 0,
            "help": "rows before the header",
        },
        "--missing": {
            "metavar": "TEXT",
            "action": "append",
            "default": [],
            "help": "a cell for no value; can be said again",
        },
    },
    "how it is written: found, if a row decides": {
        "--dayfirst": {
            "action": "store_true",
            "dest": "day_first",
            "default": None,
            "help": "01/02 is 1 February",
        },
        "--monthfirst": {
            "action": "store_false",
            "dest": "day_first",
            "help": "01/02 is 2 January",
        },
        "--date-format": {
            "metavar": "FORMAT",
            "help": "such as '%%d.%%m.%%y %%H:%%M'",
        },
        "--tz": {
            "metavar": "ZONE",
            "help": "of local times with daylight "
            "saving, such as Europe/Berlin",
        },
        "--decimal": {"choices": (".", ",")},
        "--thousands": {"choices": (",", ".", " ", "'")},
        "--delimiter": {"metavar": "MARK", "help": "such as ';' or tab"},
        "--header": {"choices": ("yes", "no")},
        "--encoding": {"metavar": "NAME", "help": "such as latin-1"},
    },
    "what is printed": {
        "--quiet": {"action": "store_true", "help": "faults alone"},
        "--json": {"action": "store_true", "help": "all, as JSON"},
    },
}
FORECAST = {
    "forecast": {
        "--horizon": {"metavar": "N", "type": int, "help": "its steps"},
        "--out": {"metavar": "CSV", "help": "write it, with its bands"},
        "--plot": {"metavar": "PNG", "help": "draw it"},
        "--notebook": {
            "metavar": "IPYNB",
            "help": "keep the steps, to go on from",
        },
        "--save": {"metavar": "MODEL", "help": "keep the winner"},
        "--load": {
            "metavar": "MODEL",
            "help": "go on with a kept one: FILE "
            "holds all rows, or those that follow",
        },
        "--level": {
            "metavar": "P",
            "type": float,
            "default": 0.9,
            "help": "of the bands: 0.9",
        },
        "--rivals": {
            "metavar": "A,B",
            "help": "baselines: persistence, "
            "seasonal naive, ridge, neighbours, boosting",
        },
        "--updates": {
            "metavar": "N",
            "type": int,
            "default": 600,
            "help": "of the GRU's weights: 600",
        },
        "--seed": {
            "metavar": "N",
            "type": int,
            "default": 0,
            "help": "of the GRU: 0",
        },
    },
}
EXPORT = {
    "what is written": {
        "--out": {
            "metavar": "ONNX",
            "required": True,
            "help": "a model that needs no Python: compared, then written",
        },
    },
    "what is printed": GROUPS["what is printed"],
}
SERVE = {
    "where it listens": {
        "--host": {
            "metavar": "ADDRESS",
            "default": "127.0.0.1",
            "help": "127.0.0.1: this machine alone",
        },
        "--port": {
            "metavar": "N",
            "type": int,
            "default": 8000,
            "help": "8000; 0 for one that is free",
        },
        "--workers": {
            "metavar": "N",
            "type": int,
            "default": 1,
            "help": "processes: 1",
        },
    },
}
PACKED = "CSV, TSV, Parquet; also packed with gzip, bzip2, xz, zip"
KEPT = "a forecaster, as Forecaster.save wrote it"


class Command(NamedTuple):
    """What is told of a command, what it reads, and its flags by title."""

    told: str
    metavar: str
    file: str
    groups: dict


COMMANDS = {  # each has a function of its name in ``__main__.COMMANDS``
    "check": Command(
        "say how a file is read, or what is wrong with it",
        *("FILE", PACKED, GROUPS),
    ),
    "forecast": Command(
        "compare forecasters, and use the best",
        *("FILE", PACKED, FORECAST | GROUPS),
    ),
    "export": Command(
        "write a kept forecaster for other engines, as ONNX",
        *("MODEL", KEPT, EXPORT),
    ),
    "serve": Command(
        "answer requests with an exported model",
        *("ONNX", "what the command export wrote", SERVE),
    ),
}


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    plain = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = argparse.ArgumentParser(
        "python -m gru_tutorial",
        description="Forecast your own series, if a forecast is worth it.",
        epilog=f"{FIRST}\n{CODES}",
        **plain,
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for name, of in COMMANDS.items():
        words = f"{of.told[0].upper()}{of.told[1:]}."
        command = commands.add_parser(
            name, help=of.told, description=words, epilog=CODES, **plain
        )
        command.add_argument("file", metavar=of.metavar, help=of.file)
        for title, flags in of.groups.items():
            group = command.add_argument_group(title)
            for flag, settings in flags.items():
                group.add_argument(flag, **settings)
    return parser
