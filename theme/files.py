"""The book as files: an archive of all notebooks, and perhaps PDF and EPUB.

Each build writes the archive. PDF and EPUB take longer: ``make pdf epub``
makes them from a built site. The landing page links the files that are there,
and no others; so whoever adds one calls ``link`` again.
"""

import re
import zipfile
from pathlib import Path

FOLDER, NAME = "downloads", "gru-by-experiment"
KINDS = {
    "zip": "All notebooks, with what they need",
    "pdf": "The book as a PDF",
    "epub": "The book as an EPUB",
}
# The files of the repository that go into the archive.
PACKED = (
    "pyproject.toml",
    "constraints.txt",
    "LICENSE",
    "gru_tutorial/**/*",
    "theme/images/*",
)
README = """\
# GRU by Experiment: all notebooks

They need Python 3.11 to 3.13 and the package `gru_tutorial`, which is here,
too. In this folder:

    python3 -m venv .venv
    source .venv/bin/activate        # on Windows: .venv\\Scripts\\activate
    pip install -c constraints.txt . jupyterlab
    jupyter lab chapters/

Start with `00_first_forecast.ipynb`, or with the overview, `index.md`. Nearly
all of the download is PyTorch. Its build for the CPU is enough: without a
graphics card, first install `torch` as https://pytorch.org/get-started/locally/
says for "CPU".

Code: MIT. Text and figures: CC BY 4.0. See LICENSE.
"""
# The paragraph of the landing page below which the files are listed.
PLACE = re.compile(
    r'(<p id="as-files".*?</p>)'
    r"(?:<!-- files -->.*?<!-- /files -->)?",
    re.S,
)


def path_of(site, kind):
    """Return where a site keeps the book as a file of this kind."""
    return Path(site) / FOLDER / f"{NAME}.{kind}"


def contents(root, site):
    """Yield names and bytes of what the archive holds."""
    yield "README.md", README.encode()
    for path in sorted((site / "_sources/chapters").iterdir()):
        yield f"chapters/{path.name}", path.read_bytes()
    for pattern in PACKED:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), path.read_bytes()


def write_archive(app, exception):
    """Write the archive of all notebooks; the same ones give the same bytes.

    A PDF or EPUB of what the pages were before is removed.
    """
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    if app.bundle:  # pages were written
        for kind in ("pdf", "epub"):
            path_of(site, kind).unlink(missing_ok=True)
    path = path_of(site, "zip")
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents(Path(app.confdir), site):
            entry = zipfile.ZipInfo(f"{NAME}/{name}")
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    link(site)


def listed(site, up):
    """Return the list of the files that a site has, as HTML."""
    items = []
    for kind, words in KINDS.items():
        path = path_of(site, kind)
        if path.exists():
            size = f"{kind.upper()}, {path.stat().st_size / 1e6:.1f} MB"
            address = f"{up}{FOLDER}/{path.name}"
            items.append(f'<li><a href="{address}">{words}</a> ({size})</li>')
    return f'<ul class="simple files">{"".join(items)}</ul>'


def link(site):
    """Have the landing page link the files that are there."""
    site = Path(site)
    for name, up in (("index.html", ""), ("chapters/index.html", "../")):
        page = site / name
        block = f"<!-- files -->{listed(site, up)}<!-- /files -->"
        text = page.read_text("utf-8")
        text = PLACE.sub(lambda found, new=block: found[1] + new, text)
        page.write_text(text, "utf-8")


def setup(app):
    """Connect to Sphinx."""
    # When the downloads are made, and the landing page is written.
    app.connect("build-finished", write_archive, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
