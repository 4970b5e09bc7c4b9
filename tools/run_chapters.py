"""Execute chapters in place and write clean outputs.

Usage: python -m tools.run_chapters [NN]

A chapter whose sources are those that made its outputs, and whose outputs
still compare equal, is left alone, so that its pictures do not change for
nothing. With a chapter's number, that chapter is written in any case.
"""

import base64
import io
import subprocess
import sys
import time
from pathlib import Path

import nbclient
import nbformat
from PIL import Image

from tools.notebook_files import NOT_KEPT, source_digest, tagged_picture

ROOT = Path(__file__).resolve().parents[1]

# The picture that README and landing page show, drawn by a chapter's cell.
FRONT_CHAPTER, FRONT_TAG = "01_gru_theory.ipynb", "readme-picture"
FRONT_PICTURE = "theme/images/gate.png"

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
    """Return a base64 PNG with a palette of 256 colours: a third in size."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(
        file, "png", optimize=True
    )
    return base64.b64encode(file.getvalue()).decode()


def execute(path):
    """Run all cells in a fresh kernel and write the notebook back.

    How long it took is kept, so that tests begin with the longest.
    """
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else one print may be stored in pieces
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
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
    if path.name == FRONT_CHAPTER:
        picture = tagged_picture(notebook, FRONT_TAG)
        (ROOT / FRONT_PICTURE).write_bytes(picture)


def main(number=""):
    """Bring every chapter, or the one with this number, up to date."""
    paths = sorted((ROOT / "chapters").glob(f"{number}*.ipynb"))
    if not paths:
        sys.exit(f"no chapter {number!r} in chapters/")
    for path in paths:
        start = time.perf_counter()
        if not number and is_current(path):
            print(f"{path.name}: current, left alone", flush=True)
            continue
        execute(path)
        seconds = time.perf_counter() - start
        print(f"{path.name}: written in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
