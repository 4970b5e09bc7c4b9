"""Execute chapters in place and write clean outputs.

Usage: python -m tools.run_chapters [N]

A chapter whose sources are those that made its outputs, and whose outputs
still compare equal, is left alone, so that its pictures do not change for
nothing. With a chapter's number, that chapter is written in any case.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat
from PIL import Image

from gru_tutorial.book import answers
from gru_tutorial.storage import write_bytes
from tools.find_chapters import find
from tools.notebook_files import NOT_KEPT, source_digest, tagged_picture

ROOT = Path(__file__).resolve().parents[1]

# The pictures that README and landing page show: which cell draws them, where
# they are kept.
FRONT_PICTURES = {
    "00_first_forecast.ipynb": ("readme-picture", "theme/images/forecast.png"),
    "01_gru_theory.ipynb": ("gate-picture", "theme/images/gate.png"),
}

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}


def is_current(path):
    """Tell whether the stored outputs belong to the sources and compare."""
    notebook = nbformat.read(path, as_version=4)
    made_from = notebook.metadata.get("gru_tutorial", {}).get("sources")
    if made_from != source_digest(notebook):
        return False
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return run.returncode == 0


def smaller_picture(png):
    """Return a base64 PNG with a palette of 24 colours: half in size.

    Colours of areas stay as they are, for a pale one may mean something.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    least = 0.002 * picture.width * picture.height
    counts = sorted(picture.getcolors(1 << 24), reverse=True)
    areas = [color for count, color in counts if count > least][:16]
    others = picture.quantize(
        24 - len(areas), Image.Quantize.MAXCOVERAGE, kmeans=1
    ).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for color in areas for value in color] + others)
    file = io.BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(
        file, "png", optimize=True
    )
    return base64.b64encode(file.getvalue()).decode()


def run_cells(notebook, folder):
    """Run a notebook's cells; return its record of the exercises' answers."""
    with tempfile.TemporaryDirectory() as room:
        record = Path(room) / "answers"
        record.touch()
        nbclient.NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,  # else one print may be stored in pieces
            resources={"metadata": {"path": str(folder)}},
        ).execute(env=os.environ | {answers.RECORD: str(record)})
        return record.read_text("utf-8")


def store_answers(recorded, chapter):
    """Put the answers that a chapter's run has recorded in place of its old.

    Each line of the record is JSON: an exercise, and what is kept of it.
    """
    entries = [json.loads(line) for line in recorded.splitlines()]
    new = {name: entry for one in entries for name, entry in one.items()}
    if len(new) < len(entries) or {chapter_of(name) for name in new} - {
        chapter
    }:
        sys.exit(f"exercises of chapter {chapter}: expected each once")
    stored = json.loads(answers.STORE.read_text("utf-8"))
    kept = {
        name: entry
        for name, entry in stored["answers"].items()
        if chapter_of(name) != chapter
    }
    stored["answers"] = dict(
        sorted(
            (kept | new).items(), key=lambda x: [*map(int, x[0].split("."))]
        )
    )
    text = json.dumps(stored, indent=1) + "\n"
    write_bytes(answers.STORE, text.encode())


def chapter_of(exercise):
    """Return the chapter's number of an exercise such as 4.2."""
    return int(exercise.split(".")[0])


def execute(path):
    """Run all cells in a fresh kernel and write the notebook back.

    How long it took is kept, so that tests begin with the longest.
    """
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    recorded = run_cells(notebook, path.parent)
    store_answers(recorded, int(path.stem[:2]))
    seconds = round(time.perf_counter() - start)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                sys.exit(f"{path.name}: stderr was written:\n{output.text}")
            if "image/png" in output.get("data", {}):
                data = output["data"]
                data["image/png"] = smaller_picture(data["image/png"])
        for key in NOT_KEPT:
            cell.metadata.pop(key, None)
    notebook.metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
        "gru_tutorial": {
            "seconds": seconds,
            "sources": source_digest(notebook),
        },
    }
    nbformat.write(notebook, path)
    if path.name in FRONT_PICTURES:
        tag, kept = FRONT_PICTURES[path.name]
        (ROOT / kept).write_bytes(tagged_picture(notebook, tag))


def main(number=""):
    """Bring every chapter, or the one with this number, up to date."""
    for path in find(number, ROOT):
        start = time.perf_counter()
        if not number and is_current(path):
            print(f"{path.name}: current, left alone", flush=True)
            continue
        execute(path)
        seconds = time.perf_counter() - start
        print(f"{path.name}: written in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
