"""Compare the notebooks that the built site offers, as their readers run them.

Usage: python -m tools.run_downloads [WORKERS]

The package is installed from a copy, not linked to the repository; the
notebooks lie in a folder elsewhere, beside nothing but ``conftest.py``, which
tells nbval how closely to compare. So one that needs any other file of the
repository fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHERE = "import gru_tutorial; print(gru_tutorial.__file__)"


def install(package, scratch):
    """Install the package alone into a folder, as ``pip install`` would.

    pip builds where the sources are, so it gets a copy of them.
    """
    source = scratch / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "gru_tutorial", source / "gru_tutorial", ignore=ignored
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", package, source], check=True)


def compare(notebooks, package, folder, workers=1):
    """Copy the notebooks to a folder, run nbval there, return its code."""
    for path in [*notebooks, ROOT / "conftest.py"]:
        shutil.copy(path, folder)
    settings = {
        "cwd": folder,
        "env": os.environ | {"PYTHONPATH": str(package)},
    }
    where = subprocess.run(
        [sys.executable, "-c", WHERE],
        capture_output=True,
        text=True,
        check=True,
        **settings,
    ).stdout.strip()
    if not Path(where).is_relative_to(package):
        sys.exit(f"expected the package of {package}, got {where}")
    nbval = [sys.executable, "-m", "pytest", "--nbval", "."]
    if workers > 1:
        nbval += ["-n", str(workers)]
    return subprocess.run(nbval, check=False, **settings).returncode


def main(workers="1"):
    """Compare all downloads of the site in ``_build/html``."""
    notebooks = sorted(
        (ROOT / "_build/html/_sources/chapters").glob("*.ipynb")
    )
    offered = {path.name for path in notebooks}
    if offered != {path.name for path in (ROOT / "chapters").glob("*.ipynb")}:
        sys.exit("the site does not offer each chapter: run `make book`")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name).resolve()
        folder = scratch / "downloads"
        folder.mkdir()
        install(scratch / "package", scratch)
        package = scratch / "package"
        return compare(notebooks, package, folder, int(workers))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
