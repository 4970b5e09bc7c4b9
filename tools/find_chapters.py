"""Find chapters by their number, as it is typed: 1 or 01.

Usage: python -m tools.find_chapters [N]

Prints the paths of the notebooks: of one chapter, or of all.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def choose(number, names):
    """Return, in order, the names of this number; all if it is empty."""
    names = sorted(names)
    chosen = [n for n in names if not number or n[:2] == number.zfill(2)]
    if not chosen:
        known = ", ".join(str(int(name[:2])) for name in names)
        sys.exit(f"no chapter {number!r} in chapters/; there are {known}")
    return chosen


def find(number, root=ROOT):
    """Return the paths of the chapter with this number, or of all."""
    paths = {path.name: path for path in (root / "chapters").glob("*.ipynb")}
    return [paths[name] for name in choose(number, paths)]


def main(number=""):
    """Print the paths, seen from the repository's folder."""
    for path in find(number):
        print(path.relative_to(ROOT).as_posix())


if __name__ == "__main__":
    main(*sys.argv[1:2])
